import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Breaker } from "../../../src/health/breaker.ts";
import type { Outcome } from "../../../src/outcome.ts";
import type { Admission } from "../../../src/registry/gate.ts";
import { TestGate } from "../../contract/backends.ts";

const OK: Outcome = { kind: "completed", status: 200 };
const BROKE: Outcome = { kind: "broke", phase: "head" };

/** A breaker on a clock of its own. */
class Bench {
  at = 0;
  readonly inner = new TestGate();
  readonly told: string[] = [];
  readonly breaker = new Breaker(this.inner, {
    failures: 5,
    share: 0.5,
    baseMs: 10_000,
    maxMs: 300_000,
    now: () => this.at,
    random: () => 0.5,
    onChange: (open, cause) => void this.told.push(open ? cause : "closed"),
  });

  get admits(): Admission {
    return this.breaker.admits(this.at);
  }

  call(...outcomes: Outcome[]): void {
    for (const outcome of outcomes) {
      const trial = this.breaker.begin();
      this.breaker.record(outcome, { trial });
    }
  }

  /** Opens it, from wherever it is. */
  eject(): void {
    while (this.admits === "open") this.call(BROKE);
  }
}

const SAYS_NOTHING: readonly Outcome[] = [
  { kind: "completed", status: 429 },
  { kind: "completed", status: 400 },
  { kind: "completed", status: 404 },
  { kind: "client_left", phase: "body" },
  { kind: "stale" },
  { kind: "router_failed" },
];

const SAYS_MUCH: readonly Outcome[] = [
  { kind: "refused" },
  BROKE,
  { kind: "timed_out", phase: "body" },
  { kind: "completed", status: 500 },
  { kind: "completed", status: 503 },
];

for (const outcome of SAYS_NOTHING) {
  Deno.test(`promise 20: a thousand calls that end as ${JSON.stringify(outcome)} eject nobody`, () => {
    const bench = new Bench();
    bench.call(...Array.from({ length: 1000 }, () => outcome));
    assertEquals(bench.admits, "open");
  });
}

for (const outcome of SAYS_MUCH) {
  Deno.test(`promise 18: five calls in a row that end as ${JSON.stringify(outcome)} eject a backend, four do not`, () => {
    const bench = new Bench();
    bench.call(...Array.from({ length: 4 }, () => outcome), OK);
    bench.call(...Array.from({ length: 4 }, () => outcome));
    assertEquals(bench.admits, "open");
    bench.call(outcome);
    assertEquals([bench.admits, bench.told.length], ["last_resort", 1]);
  });
}

Deno.test("promise 22: a backend of whose recent calls more than half fail is ejected, though its checks are good", () => {
  const bench = new Bench();
  for (let i = 0; i < 9; i++) bench.call(OK, BROKE);
  bench.call(BROKE);
  assertEquals(bench.admits, "open", "19 calls are not enough to say");
  bench.call(BROKE);
  assertEquals(bench.told, ["11 of 20 recent calls failed"]);
});

Deno.test("calls of more than 30 s ago say nothing about a backend", () => {
  const bench = new Bench();
  for (let i = 0; i < 15; i++) bench.call(OK, BROKE);
  bench.at += 30_000;
  bench.call(BROKE, BROKE, OK);
  assertEquals(bench.admits, "open");
});

Deno.test("promise 18: an ejected backend gets exactly one trial, and a good one brings it back", () => {
  const bench = new Bench();
  bench.eject();
  bench.at += 9999;
  assertEquals(bench.admits, "last_resort");
  bench.at += 1;
  assertEquals(bench.admits, "open");
  assertEquals(bench.breaker.begin(), true);
  assertEquals(bench.admits, "last_resort");
  bench.breaker.record(OK, { trial: true });
  assertEquals([bench.admits, bench.told.at(-1)], ["open", "closed"]);
});

Deno.test("a trial that says nothing leaves the next call to be it", () => {
  const bench = new Bench();
  bench.eject();
  bench.at += 10_000;
  assertEquals(bench.admits, "open");
  bench.call({ kind: "client_left", phase: "head" });
  assertEquals(bench.admits, "open");
});

for (const outcome of [OK, BROKE, { kind: "client_left", phase: "body" }] as Outcome[]) {
  Deno.test(`a call that began before says nothing during a trial: ${outcome.kind}`, () => {
    const bench = new Bench();
    bench.eject();
    bench.at += 10_000;
    assertEquals(bench.admits, "open");
    bench.breaker.record(outcome, {});
    assertEquals(bench.admits, "open", "the trial is still to come");
    assertEquals(bench.breaker.begin(), true);
    const told = bench.told.length;
    bench.breaker.record(outcome, {});
    assertEquals([bench.admits, bench.told.length], ["last_resort", told]);
    bench.breaker.record(OK, { trial: true });
    assertEquals(bench.admits, "open");
  });
}

Deno.test("a trial's first byte shows that the backend is well, unless it is of an error", () => {
  for (const [status, admission] of [[200, "open"], [404, "open"], [500, "last_resort"]] as const) {
    const bench = new Bench();
    bench.eject();
    bench.at += 10_000;
    assertEquals([bench.admits, bench.breaker.begin()], ["open", true]);
    bench.breaker.answered(status);
    assertEquals(bench.admits, admission);
  }
});

Deno.test("good checks let one call try early, not one after each check, but for a backend that was down meanwhile", () => {
  const bench = new Bench();
  bench.eject();
  bench.breaker.checkedGood();
  bench.call(BROKE); // the early trial
  for (let check = 0; check < 10; check++) {
    bench.breaker.checkedGood();
    assertEquals(bench.admits, "last_resort");
  }
  bench.breaker.restarted();
  assertEquals(bench.admits, "open");
});

Deno.test("promise 18: an ejection is longer each time, five minutes at most, and forgotten after as long in health", () => {
  const bench = new Bench();
  const lengths: number[] = [];
  for (let times = 0; times < 40; times++) {
    bench.eject();
    const from = bench.at;
    while (bench.admits !== "open") bench.at += 1000;
    lengths.push((bench.at - from) / 1000);
    bench.call(OK);
  }
  assertEquals(lengths.slice(0, 3), [10, 20, 30]);
  assertEquals([Math.max(...lengths), lengths.at(-1)], [300, 300]);
  bench.at += 300_000;
  bench.eject();
  bench.at += 10_000;
  assertEquals(bench.admits, "open");
});

Deno.test("a good check lets one call try before the time is over, a failed trial ejects for longer", () => {
  const bench = new Bench();
  bench.eject();
  bench.breaker.checkedGood();
  assertEquals(bench.admits, "open");
  bench.call(BROKE);
  assertEquals([bench.admits, bench.told.at(-1)], ["last_resort", "its trial failed (broke)"]);
  bench.at += 19_999;
  assertEquals(bench.admits, "last_resort");
  bench.at += 1;
  assertEquals(bench.admits, "open");
});

Deno.test("what checks say stands above what calls say", () => {
  const bench = new Bench();
  bench.inner.admission = "shut";
  assertEquals(bench.admits, "shut");
  bench.eject();
  bench.inner.admission = "last_resort";
  assertEquals(bench.admits, "last_resort");
  assertEquals(bench.breaker.observed, bench.inner.observed);
});

Deno.test("whatever happens, a breaker never shuts by itself, and while it is half open it lets in one at a time", () => {
  const outcome = fc.constantFrom<Outcome>(OK, BROKE, ...SAYS_NOTHING, ...SAYS_MUCH);
  const step = fc.oneof(
    fc.record({ call: outcome }),
    fc.record({ pass: fc.integer({ min: 1, max: 400_000 }) }),
    fc.constant({ good: true }),
  );
  const property = fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const bench = new Bench();
    for (const step of steps) {
      if ("call" in step) bench.call(step.call);
      else if ("pass" in step) bench.at += step.pass;
      else bench.breaker.checkedGood();
      const admission = bench.admits;
      assertEquals(admission === "shut", false);
      const open = bench.told.length > 0 && bench.told.at(-1) !== "closed";
      if (!open) assertEquals(admission, "open");
      else if (admission === "open") {
        const trial = bench.breaker.begin();
        assertEquals(bench.admits, "last_resort", "one trial at a time");
        bench.breaker.record({ kind: "stale" }, { trial });
      }
    }
  });
  fc.assert(property, { numRuns: 300, seed: 10 });
});

Deno.test("promise 19: a backend that says when it has time again is left alone that long, 30 s at most, and not blamed", () => {
  const busy: Outcome = { kind: "completed", status: 503 };
  const bench = new Bench();
  for (let i = 0; i < 100; i++) bench.breaker.record(busy, { comesBackMs: 7000 });
  assertEquals([bench.admits, bench.told], ["last_resort", []]);
  bench.at += 6999;
  assertEquals(bench.admits, "last_resort");
  bench.at += 1;
  assertEquals(bench.admits, "open");
  bench.breaker.record(busy, { comesBackMs: 3_600_000 });
  bench.at += 30_000;
  assertEquals(bench.admits, "open");
});
