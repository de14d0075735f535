import { assert, assertEquals } from "@std/assert";
import { BackendStats } from "../../../src/registry/stats.ts";
import type { Outcome } from "../../../src/outcome.ts";

const OUTCOMES: [outcome: Outcome, errors: number][] = [
  [{ kind: "completed", status: 200 }, 0],
  [{ kind: "completed", status: 404 }, 0],
  [{ kind: "completed", status: 429 }, 0],
  [{ kind: "completed", status: 500 }, 1],
  [{ kind: "completed", status: 503 }, 1],
  [{ kind: "refused" }, 1],
  [{ kind: "broke", phase: "head" }, 1],
  [{ kind: "timed_out", phase: "head" }, 1],
  [{ kind: "client_left", phase: "body" }, 0],
];

for (const [outcome, errors] of OUTCOMES) {
  Deno.test(`BackendStats counts ${errors} errors for ${JSON.stringify(outcome)}`, () => {
    const stats = new BackendStats();
    stats.begin();
    stats.end(outcome, 1);
    assertEquals([stats.requests, stats.errors], [1, errors]);
    assertEquals(stats.responseTime, outcome.kind === "completed" ? 1 : 0);
  });
}

Deno.test("BackendStats' response time is 0 at first, then the first, and follows what is newer", () => {
  const stats = new BackendStats();
  assertEquals(stats.responseTime, 0);
  stats.end({ kind: "completed", status: 200 }, 2);
  assertEquals(stats.responseTime, 2);
  for (let call = 0; call < 50; call++) {
    const before = stats.responseTime;
    stats.end({ kind: "completed", status: 200 }, 1);
    assert(stats.responseTime < before && stats.responseTime >= 1);
  }
  assert(stats.responseTime < 1.001);
});
