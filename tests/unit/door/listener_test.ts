import { assertEquals, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { Acceptor } from "../../../src/door/acceptor.ts";
import { Listener } from "../../../src/door/listener.ts";
import type { Log } from "../../../src/observe/log.ts";

/** A listener on addresses that can be had or not, as the test says. */
class Bench {
  taken = false;
  opened = 0;
  stopped = 0;
  readonly lines: string[] = [];
  readonly listener: Listener;
  #fail: (reason: unknown) => void = () => {};

  constructor({ taken = false } = {}) {
    this.taken = taken;
    const error = (message: string): void => void this.lines.push(message);
    this.listener = new Listener({
      listen: { host: "127.0.0.1", port: 8000, giveUpMs: 300_000 },
      open: () => this.#open(),
      log: { error } as unknown as Log,
      now: Date.now,
    });
  }

  #open(): Acceptor {
    if (this.taken) throw new Deno.errors.AddrInUse("taken");
    this.opened++;
    return {
      addr: { transport: "tcp", hostname: "127.0.0.1", port: 8000 },
      failed: new Promise((resolve) => this.#fail = resolve),
      stop: () => Promise.resolve(void this.stopped++),
      cut: () => {},
    };
  }

  /** Accepting fails. */
  async fail(): Promise<void> {
    this.#fail(new Error("broken"));
    await Promise.resolve();
    await Promise.resolve();
  }
}

Deno.test("Listener listens again after accepting has failed", async () => {
  using time = new FakeTime(0);
  const bench = new Bench();
  await bench.fail();
  time.tick(200);
  assertEquals([bench.opened, bench.lines], [2, ["accepting connections failed, listening again"]]);
  await bench.fail();
  time.tick(200);
  assertEquals(bench.opened, 3);
});

Deno.test("Listener tells of a port that it cannot have again at once and every minute, and has it once it is free", async () => {
  using time = new FakeTime(0);
  const bench = new Bench();
  bench.taken = true;
  await bench.fail();
  time.tick(150_000);
  const still = bench.lines.filter((line) => line.endsWith("still trying"));
  assertEquals([still.length, bench.opened], [3, 1]);
  bench.taken = false;
  time.tick(200);
  assertEquals(bench.opened, 2);
});

Deno.test("Listener gives a lost port up after its time", async () => {
  using time = new FakeTime(0);
  const bench = new Bench();
  let lost = false;
  bench.listener.lost.then(() => lost = true);
  bench.taken = true;
  await bench.fail();
  time.tick(299_000);
  await Promise.resolve();
  assertEquals(lost, false);
  time.tick(2000);
  await Promise.resolve();
  assertEquals([lost, bench.lines.at(-1)], [true, "the port cannot be had again, giving up"]);
});

Deno.test("Listener that stops does not listen again", async () => {
  using time = new FakeTime(0);
  const bench = new Bench();
  await bench.fail();
  await bench.listener.shutdown();
  time.tick(10_000);
  assertEquals([bench.opened, bench.stopped], [1, 1]);
});

Deno.test("Listener throws what its first try to listen throws", () => {
  assertThrows(() => new Bench({ taken: true }), Deno.errors.AddrInUse);
});
