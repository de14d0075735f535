import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { RecentCount } from "../../src/recent_count.ts";

Deno.test("a recent count counts what happened in so many seconds, this one included", () => {
  let at = 0;
  const count = new RecentCount(3, () => at);
  count.add();
  count.add();
  at = 1999;
  count.add();
  assertEquals([count.total, count.inThisSecond], [3, 1]);
  at = 2999;
  assertEquals([count.total, count.inThisSecond], [3, 0]);
  at = 3000;
  assertEquals(count.total, 1);
  at = 10_000_000;
  assertEquals([count.total, count.inThisSecond], [0, 0]);
  count.add();
  count.clear();
  assertEquals(count.total, 0);
});

Deno.test("a recent count is what a list of times would say", () => {
  const step = fc.record({ passed: fc.integer({ min: 0, max: 4000 }), add: fc.boolean() });
  fc.assert(fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step), (seconds, steps) => {
    let at = 0;
    const times: number[] = [];
    const count = new RecentCount(seconds, () => at);
    for (const { passed, add } of steps) {
      at += passed;
      if (add) {
        count.add();
        times.push(Math.floor(at / 1000));
      }
      const second = Math.floor(at / 1000);
      assertEquals(count.total, times.filter((time) => time > second - seconds).length);
      assertEquals(count.inThisSecond, times.filter((time) => time === second).length);
    }
  }));
});
