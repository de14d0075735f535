import { assertEquals } from "@std/assert";
import { Lease } from "../../../src/registry/lease.ts";
import type { Outcome } from "../../../src/outcome.ts";
import { newBackend } from "../../contract/backends.ts";

Deno.test("Lease gives its place back once, however often it is settled", () => {
  const backend = newBackend("a");
  const other = new Lease(backend, () => 0);
  const lease = new Lease(backend, () => 0);
  assertEquals([backend.inFlight, backend.stats.requests], [2, 2]);
  const broke: Outcome = { kind: "broke", phase: "body" };
  lease.settle(broke);
  lease.settle(broke);
  lease.settle({ kind: "completed", status: 200 });
  assertEquals([backend.inFlight, backend.stats.errors], [1, 1]);
  assertEquals(backend.gate.records, [broke]);
  other.settle({ kind: "completed", status: 200 });
  assertEquals(backend.inFlight, 0);
});

Deno.test("Lease has given its place back when the gate hears of it", () => {
  const backend = newBackend("a");
  let seen: number | undefined;
  backend.gate.record = () => seen = backend.inFlight;
  new Lease(backend, () => 0).settle({ kind: "refused" });
  assertEquals(seen, 0);
});

Deno.test("Lease measures from the pick to the end, in seconds", () => {
  let now = 5000;
  const backend = newBackend("a");
  const lease = new Lease(backend, () => now);
  now += 1500;
  lease.settle({ kind: "completed", status: 200 });
  assertEquals(backend.stats.responseTime, 1.5);
});
