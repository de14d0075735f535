import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import fc from "fast-check";
import { SharedTimer, type Waiting } from "../../../src/proxy/shared_timer.ts";

Deno.test("SharedTimer lets each limit run out on its own time, in order", () => {
  using time = new FakeTime(0);
  const timer = new SharedTimer(100, Date.now);
  const ended: string[] = [];
  timer.add(() => ended.push("a"));
  time.tick(30);
  timer.add(() => ended.push("b"));
  time.tick(69);
  assertEquals(ended, []);
  time.tick(1);
  assertEquals(ended, ["a"]);
  time.tick(30);
  assertEquals(ended, ["a", "b"]);
});

Deno.test("SharedTimer forgets a limit that is deleted, and may be told twice", () => {
  using time = new FakeTime(0);
  const timer = new SharedTimer(100, Date.now);
  const ended: string[] = [];
  const first = timer.add(() => ended.push("first"));
  timer.add(() => ended.push("second"));
  timer.delete(first);
  timer.delete(first);
  time.tick(100);
  assertEquals(ended, ["second"]);
});

Deno.test("SharedTimer goes on with limits that begin while others end", () => {
  using time = new FakeTime(0);
  const timer = new SharedTimer(100, Date.now);
  const ended: number[] = [];
  timer.add(() => timer.add(() => ended.push(Date.now())));
  time.tick(100);
  time.tick(100);
  assertEquals(ended, [200]);
});

Deno.test("SharedTimer ends every limit that is not deleted, and only those, never early", () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ wait: fc.integer({ min: 1, max: 80 }) }),
      fc.record({ add: fc.constant(true) }),
      fc.record({ drop: fc.nat({ max: 20 }) }),
    ),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(steps, (plan) => {
      using time = new FakeTime(0);
      const timer = new SharedTimer(100, Date.now);
      const made: { handle: Waiting; begun: number; ended?: number; dropped?: true }[] = [];
      for (const step of plan) {
        if ("wait" in step) time.tick(step.wait);
        else if ("add" in step) {
          const one: (typeof made)[number] = { handle: undefined!, begun: Date.now() };
          one.handle = timer.add(() => one.ended = Date.now());
          made.push(one);
        } else {
          const one = made[step.drop];
          if (one !== undefined && one.ended === undefined) {
            timer.delete(one.handle);
            one.dropped = true;
          }
        }
      }
      for (let i = 0; i < 4; i++) time.tick(50);
      for (const { begun, ended, dropped } of made) {
        assertEquals(ended, dropped ? undefined : begun + 100);
      }
    }),
    { numRuns: 300, seed: 6 },
  );
});
