import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Cutoff } from "../../../src/proxy/cutoff.ts";
import { SharedTimer } from "../../../src/proxy/shared_timer.ts";
import { Deadlines } from "../../../src/proxy/deadlines.ts";

interface Watch {
  cutoff: Cutoff;
  deadlines: Deadlines;
}

function watch(
  { totalMs = null, clientStallMs = 100 }: { totalMs?: number | null; clientStallMs?: number } = {},
): Watch {
  const cutoff = new Cutoff();
  const deadlines = new Deadlines(cutoff, {
    requestTimer: new SharedTimer(1000, Date.now),
    timeouts: { idleMs: 100, totalMs, clientStallMs },
    now: Date.now,
    startedAt: Date.now(),
  });
  return { cutoff, deadlines };
}

Deno.test("Deadlines cut a call that has no answer in time", () => {
  using time = new FakeTime(0);
  const { cutoff } = watch();
  time.tick(999);
  assertEquals([cutoff.cause, cutoff.stopped], [undefined, false]);
  time.tick(1);
  assertEquals([cutoff.cause, cutoff.stopped], ["request", true]);
});

Deno.test("Deadlines bound a whole answer that is no stream, however it trickles", () => {
  using time = new FakeTime(0);
  const { cutoff, deadlines } = watch();
  for (let piece = 0; piece < 9; piece++) {
    time.tick(100);
    deadlines.received();
    deadlines.sent();
  }
  assertEquals(cutoff.cause, undefined);
  time.tick(100);
  assertEquals(cutoff.cause, "request");
});

Deno.test("Deadlines let a stream run as long as it is not silent", () => {
  using time = new FakeTime(0);
  const { cutoff, deadlines } = watch();
  time.tick(999);
  deadlines.bodyBegan({ stream: true });
  for (let piece = 0; piece < 1000; piece++) {
    deadlines.received();
    deadlines.sent();
    time.tick(99);
  }
  assertEquals(cutoff.cause, undefined);
  time.tick(1);
  assertEquals(cutoff.cause, "idle");
});

Deno.test("Deadlines count the silence from the last piece, to the millisecond", () => {
  using time = new FakeTime(0);
  const { cutoff, deadlines } = watch();
  deadlines.bodyBegan({ stream: true });
  for (const wait of [30, 99, 1, 50]) {
    time.tick(wait);
    deadlines.received();
    deadlines.sent();
  }
  time.tick(99);
  assertEquals(cutoff.cause, undefined);
  time.tick(1);
  assertEquals(cutoff.cause, "idle");
});

Deno.test("Deadlines bound a stream by its total, if there is one", () => {
  using time = new FakeTime(0);
  const { cutoff, deadlines } = watch({ totalMs: 500 });
  deadlines.bodyBegan({ stream: true });
  for (let piece = 0; piece < 9; piece++) {
    time.tick(50);
    deadlines.received();
    deadlines.sent();
  }
  time.tick(49);
  assertEquals(cutoff.cause, undefined);
  time.tick(1);
  assertEquals(cutoff.cause, "total");
});

Deno.test("Deadlines hold nothing against a backend whose client does not take what is there", () => {
  for (const stream of [true, false]) {
    using time = new FakeTime(0);
    const { cutoff, deadlines } = watch();
    deadlines.bodyBegan({ stream });
    deadlines.received();
    time.tick(1000);
    assertEquals(cutoff.cause, "client_stalled");
    deadlines.clear();
  }
});

Deno.test("Deadlines that run out while a piece is on its way blame the client only if it has waited too long", () => {
  for (const limit of ["total", "request"] as const) {
    using time = new FakeTime(0);
    const { cutoff, deadlines } = watch({ totalMs: limit === "total" ? 500 : null });
    deadlines.bodyBegan({ stream: limit === "total" });
    for (let ms = 0; ms < 1000; ms += 10) {
      deadlines.received();
      time.tick(10);
      deadlines.sent();
    }
    assertEquals(cutoff.cause, limit);
    deadlines.clear();
  }
});

Deno.test("Deadlines count a total from the beginning of a stream, and for nothing else", () => {
  using time = new FakeTime(0);
  const { cutoff, deadlines } = watch({ totalMs: 50 });
  time.tick(900);
  deadlines.bodyBegan({ stream: false });
  deadlines.received();
  deadlines.sent();
  time.tick(99);
  assertEquals(cutoff.cause, undefined);
  deadlines.clear();
});

Deno.test("Deadlines that are cleared never cut, in whatever state", () => {
  for (const began of [true, false]) {
    using time = new FakeTime(0);
    const { cutoff, deadlines } = watch({ totalMs: 500 });
    if (began) deadlines.bodyBegan({ stream: true });
    time.tick(50);
    deadlines.received();
    deadlines.sent();
    time.tick(20);
    deadlines.clear();
    time.tick(10_000);
    assertEquals(cutoff.cause, undefined);
  }
});

Deno.test("Deadlines give a client its own time for each piece, whatever the body", () => {
  for (const stream of [true, false]) {
    using time = new FakeTime(0);
    const { cutoff, deadlines } = watch({ clientStallMs: 40 });
    deadlines.bodyBegan({ stream });
    for (let piece = 0; piece < 5; piece++) {
      deadlines.received();
      time.tick(39);
      deadlines.sent();
      time.tick(50);
    }
    assertEquals(cutoff.cause, undefined, "neither was too slow");
    deadlines.received();
    time.tick(80);
    assertEquals(cutoff.cause, "client_stalled");
    deadlines.clear();
  }
});
