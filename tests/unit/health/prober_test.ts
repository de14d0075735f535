import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { type CheckResult, HealthGate } from "../../../src/health/health_gate.ts";
import { Prober } from "../../../src/health/prober.ts";

const GOOD: CheckResult = { kind: "good" };
const MISS: CheckResult = { kind: "miss", reason: "silence" };

/** A prober whose checks the test answers, and what came of it. */
class Bench {
  /** When each check began. */
  readonly begun: number[] = [];
  /** What checks find, at once. Undefined: the test answers by `answer`. */
  finds: CheckResult | undefined;
  models = true;
  readonly flips: boolean[] = [];
  readonly defects: unknown[] = [];
  readonly fresh: boolean[] = [];
  /** In the middle: no jitter. */
  random = 0.5;
  readonly gate: HealthGate;
  readonly prober: Prober;
  signal: AbortSignal | undefined;
  /** How learning ends, each time it began. */
  readonly learning: PromiseWithResolvers<void>[] = [];
  #answer: ((result: CheckResult) => void) | undefined;

  constructor({ finds, intervalMs = 10_000 }: { finds?: CheckResult; intervalMs?: number } = {}) {
    this.finds = finds;
    this.gate = new HealthGate({
      unhealthyAfter: 2,
      healthyAfter: 1,
      onChange: ({ healthy }) => this.flips.push(healthy),
      recheck: () => this.prober.checkNow(),
    });
    this.prober = new Prober({
      gate: this.gate,
      intervalMs,
      onDefect: (error) => this.defects.push(error),
      random: () => this.random,
      settled: () => this.gate.observed.healthy && this.models,
      learn: () => {
        const learning = Promise.withResolvers<void>();
        this.learning.push(learning);
        return learning.promise;
      },
      probe: (signal, { fresh }) => {
        this.fresh.push(fresh);
        this.begun.push(Date.now());
        this.signal = signal;
        if (this.finds !== undefined) return Promise.resolve(this.finds);
        return new Promise((resolve) => this.#answer = resolve);
      },
    });
  }

  async answer(time: FakeTime, result: CheckResult): Promise<void> {
    this.#answer!(result);
    await time.runMicrotasks();
  }
}

/** Lets time pass in steps, so that a timer set by a promise of an earlier step fires on time. */
async function pass(time: FakeTime, ms: number): Promise<void> {
  const step = 50;
  for (let left = ms; left > 0; left -= step) await time.tickAsync(Math.min(step, left));
  await time.runMicrotasks();
}

Deno.test("Prober checks at once, then every interval while all is well", async () => {
  using time = new FakeTime(0);
  const { prober, begun } = new Bench({ finds: GOOD });
  prober.checkNow();
  assertEquals(begun, [0]);
  await pass(time, 30_000);
  assertEquals(begun, [0, 10_000, 20_000, 30_000]);
  prober.stop();
});

Deno.test("Prober asks a backend that is down soon, at doubling distances up to the interval", async () => {
  using time = new FakeTime(0);
  const { prober, begun } = new Bench({ finds: MISS });
  prober.checkNow();
  await pass(time, 36_000);
  assertEquals(begun, [0, 250, 750, 1750, 3750, 7750, 15_750, 25_750, 35_750]);
  prober.stop();
});

Deno.test("Prober never waits longer than the interval, not even the first time", async () => {
  using time = new FakeTime(0);
  const { prober, begun } = new Bench({ finds: MISS, intervalMs: 100 });
  prober.checkNow();
  await pass(time, 300);
  assertEquals(begun, [0, 100, 200, 300]);
  prober.stop();
});

Deno.test("Prober goes on asking soon while a healthy backend has not said its models", async () => {
  using time = new FakeTime(0);
  const bench = new Bench({ finds: GOOD });
  bench.models = false;
  bench.prober.checkNow();
  await pass(time, 800);
  assertEquals(bench.begun, [0, 250, 750]);
  bench.models = true;
  await pass(time, 1000);
  assertEquals(bench.begun.at(-1), 1750);
  await pass(time, 9000);
  assertEquals(bench.begun.length, 4);
  await pass(time, 1000);
  assertEquals(bench.begun.at(-1), 11_750);
  bench.prober.stop();
});

Deno.test("Prober begins with short distances again after a backend was well", async () => {
  using time = new FakeTime(0);
  const bench = new Bench({ finds: MISS });
  bench.prober.checkNow();
  await pass(time, 5000);
  bench.finds = GOOD;
  await pass(time, 2750);
  assertEquals(bench.begun.at(-1), 7750);
  bench.finds = { kind: "unavailable", reason: "503" };
  await pass(time, 10_000);
  assertEquals([bench.begun.at(-1), bench.gate.observed.healthy], [17_750, false]);
  await pass(time, 250);
  assertEquals(bench.begun.at(-1), 18_000);
  bench.prober.stop();
});

Deno.test("Prober makes one check at a time, however long it takes", async () => {
  using time = new FakeTime(0);
  const bench = new Bench();
  bench.prober.checkNow();
  await pass(time, 60_000);
  assertEquals(bench.begun, [0]);
  await bench.answer(time, GOOD);
  await pass(time, 10_000);
  assertEquals(bench.begun, [0, 70_000]);
  bench.prober.stop();
});

Deno.test("Prober checks at once when a call was refused, and again soon", async () => {
  using time = new FakeTime(0);
  const bench = new Bench({ finds: GOOD });
  bench.prober.checkNow();
  await pass(time, 5000);
  bench.finds = MISS;
  bench.gate.record({ kind: "refused" }, {});
  await pass(time, 250);
  assertEquals([bench.begun, bench.gate.observed.healthy], [[0, 5000, 5250], false]);
  bench.finds = GOOD;
  await pass(time, 500);
  assertEquals([bench.begun.at(-1), bench.gate.observed.healthy], [5750, true]);
  await pass(time, 10_000);
  assertEquals(bench.begun, [0, 5000, 5250, 5750, 15_750]); // the timer of before is gone
  bench.prober.stop();
});

Deno.test("Prober does not count a check that was begun before a call was refused, and makes another", async () => {
  using time = new FakeTime(0);
  const bench = new Bench();
  bench.prober.checkNow();
  await bench.answer(time, GOOD);
  await pass(time, 10_000);
  bench.gate.record({ kind: "refused" }, {}); // while the second check is under way
  assertEquals(bench.begun, [0, 10_000]);
  await pass(time, 100);
  await bench.answer(time, GOOD);
  assertEquals([bench.gate.observed.healthy, bench.begun], [false, [0, 10_000, 10_100]]);
  await bench.answer(time, GOOD);
  assertEquals(bench.gate.observed.healthy, true);
  assertEquals(bench.flips, [true, false, true]);
  bench.prober.stop();
});

Deno.test("Prober that is stopped ends its check, does not count it, and leaves no timer", async () => {
  using time = new FakeTime(0);
  const bench = new Bench();
  bench.prober.checkNow();
  bench.prober.stop();
  assertEquals(bench.signal!.aborted, true);
  await bench.answer(time, GOOD);
  bench.prober.checkNow();
  await pass(time, 60_000);
  assertEquals([bench.begun, bench.flips], [[0], []]);
});

Deno.test("Prober that is stopped between two checks makes no more", async () => {
  using time = new FakeTime(0);
  const { prober, begun } = new Bench({ finds: GOOD });
  prober.checkNow();
  await pass(time, 5000);
  prober.stop();
  await pass(time, 60_000);
  assertEquals(begun, [0]);
});

Deno.test("Prober keeps away from the even beat of others by a tenth of the interval at the most", async () => {
  using time = new FakeTime(0);
  const bench = new Bench({ finds: GOOD });
  bench.random = 0;
  bench.prober.checkNow();
  await pass(time, 9000);
  assertEquals(bench.begun, [0, 9000]);
  bench.random = 0.999999;
  await pass(time, 9000);
  await pass(time, 11_000);
  assertEquals(bench.begun.slice(0, 4), [0, 9000, 18_000, 28_999]);
  bench.prober.stop();
});

Deno.test("Prober whose check has a defect tells it, holds nothing against the backend and goes on", async () => {
  using time = new FakeTime(0);
  const bench = new Bench({ finds: GOOD });
  bench.prober.checkNow();
  await pass(time, 100);
  Object.defineProperty(bench, "finds", {
    configurable: true,
    get(): never {
      throw new TypeError("a defect");
    },
  });
  await pass(time, 30_000);
  assertEquals([bench.defects.length, bench.gate.observed.healthy], [3, true]);
  bench.prober.stop();
});

Deno.test("Prober counts a check that failed, however many calls could not connect meanwhile", async () => {
  using time = new FakeTime(0);
  const bench = new Bench();
  bench.prober.checkNow();
  await bench.answer(time, GOOD);
  await pass(time, 10_000);
  for (let check = 0; check < 2; check++) {
    bench.gate.record({ kind: "timed_out", phase: "connect" }, {});
    await bench.answer(time, MISS);
  }
  assertEquals(bench.gate.observed.healthy, false);
  bench.prober.stop();
});

Deno.test("Prober that is asked to look looks on a connection of its own", async () => {
  using time = new FakeTime(0);
  const bench = new Bench({ finds: GOOD });
  bench.prober.checkNow();
  await pass(time, 10_000);
  bench.gate.record({ kind: "timed_out", phase: "connect" }, {});
  await pass(time, 10_000);
  assertEquals(bench.fresh, [true, false, true, false]);
  bench.prober.stop();
});

Deno.test("Prober learns more of a backend after good checks only, once at a time, and waits for none of it", async () => {
  using time = new FakeTime(0);
  const bench = new Bench({ finds: MISS });
  const { prober, begun, learning, flips, defects } = bench;
  prober.checkNow();
  await pass(time, 200);
  assertEquals(learning.length, 0);
  bench.finds = GOOD;
  await pass(time, 20_200);
  assertEquals([begun.length, learning.length, flips.at(-1)], [4, 1, true]);
  learning[0]!.reject(new Error("a defect"));
  await pass(time, 10_000);
  assertEquals([begun.length, learning.length, defects.length], [5, 2, 1]);
  learning[1]!.resolve();
  await pass(time, 10_000);
  assertEquals(learning.length, 3);
  prober.stop();
});
