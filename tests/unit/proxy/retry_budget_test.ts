import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { SharedBudget } from "../../../src/proxy/retry_budget.ts";

class Bench {
  at = 0;
  chance = 0.5;
  readonly budget = new SharedBudget({
    share: 0.2,
    minPerSecond: 3,
    now: () => this.at,
    random: () => this.chance,
  });

  /** So many calls, each of which would be sent again `attempts` times; how many were. */
  calls(count: number, attempts = 2): number {
    let retries = 0;
    for (let call = 0; call < count; call++) {
      this.budget.call();
      for (let i = 0; i < attempts; i++) if (this.budget.take("busy") !== undefined) retries++;
    }
    return retries;
  }
}

Deno.test("few calls may be sent again three times a second, however few they are", () => {
  const bench = new Bench();
  assertEquals(bench.calls(1, 10), 3 + 1, "and one as its share");
  bench.at = 300;
  assertEquals(bench.calls(1, 10), 0);
  bench.at = 1000;
  assertEquals(bench.calls(1, 10), 3);
});

Deno.test("promise 21: where everything fails, 200 calls a second are at most 1.2 times as many attempts, and 3", () => {
  const bench = new Bench();
  let calls = 0;
  let retries = 0;
  for (let second = 0; second < 60; second++) {
    for (let call = 0; call < 200; call++) {
      bench.at = second * 1000 + call * 5;
      retries += bench.calls(1);
      calls++;
    }
  }
  assert(retries <= 0.2 * calls + 3, `${retries} of ${calls}`);
  assert(retries > 0.19 * calls, "and not much fewer");
});

Deno.test("calls of more than ten seconds ago allow nothing", () => {
  const bench = new Bench();
  bench.calls(1000, 0);
  bench.at = 9999;
  assertEquals(bench.calls(1, 1000), 204);
  bench.at = 30_000;
  assertEquals(bench.calls(1, 1000), 3 + 1);
});

Deno.test("few calls that lose a backend at once go one after the other, a third of a second apart, for 5 s", () => {
  const { budget } = new Bench();
  const waits = Array.from({ length: 20 }, () => budget.take("other"));
  assertEquals(waits.slice(0, 5).map((wait) => Math.round(wait!)), [0, 0, 0, 333, 667]);
  assertEquals(waits.slice(17), [5000, undefined, undefined]);
  assertEquals(budget.take("busy"), undefined);
});

Deno.test("a budget with neither a share nor a least lets nothing be sent again", () => {
  const none = { share: 0, minPerSecond: 0, now: () => 0, random: () => 0 };
  const budget = new SharedBudget(none);
  budget.call();
  assertEquals([budget.take("other"), budget.take("busy")], [undefined, undefined]);
});

Deno.test("a busy backend is a reason to wait 25 to 250 ms, others are none", () => {
  const bench = new Bench();
  const waits = [0, 0.5, 1].map((chance) => {
    bench.chance = chance;
    return bench.budget.take("busy");
  });
  assertEquals(waits, [25, 137.5, 250]);
  bench.at = 1000;
  assertEquals(bench.budget.take("other"), 0);
});

Deno.test("whatever comes when, no ten seconds have more retries than their share and the least", () => {
  const step = fc.record({ pass: fc.integer({ min: 0, max: 3000 }), calls: fc.nat(20) });
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const bench = new Bench();
    const log: { at: number; calls: number; retries: number }[] = [];
    for (const { pass, calls } of steps) {
      bench.at += pass;
      log.push({ at: Math.floor(bench.at / 1000), calls, retries: bench.calls(calls) });
      const recent = log.filter(({ at }) => at > Math.floor(bench.at / 1000) - 10);
      const sum = (of: "calls" | "retries"): number =>
        recent.reduce((all, entry) => all + entry[of], 0);
      assert(sum("retries") <= 0.2 * sum("calls") + 3 * 11 + 1);
    }
  });
  fc.assert(property, { numRuns: 300, seed: 4 });
});
