import { assertEquals } from "@std/assert";
import { Lease } from "../../../src/registry/lease.ts";
import type { Policy } from "../../../src/registry/choice.ts";
import type { Outcome } from "../../../src/outcome.ts";
import { newBackend, type TestBackend } from "../../contract/backends.ts";

function leaseOn(backend: TestBackend, now: () => number, policy?: Policy): Lease {
  return new Lease({ backend, why: "test" }, { now, ...(policy && { policy }) });
}

Deno.test("Lease gives its place back once, however often it is settled", () => {
  const backend = newBackend("a");
  const other = leaseOn(backend, () => 0);
  const lease = leaseOn(backend, () => 0);
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
  leaseOn(backend, () => 0).settle({ kind: "refused" });
  assertEquals(seen, 0);
});

Deno.test("Lease measures from the pick to the end, in seconds", () => {
  let now = 5000;
  const backend = newBackend("a");
  const lease = leaseOn(backend, () => now);
  now += 1500;
  lease.settle({ kind: "completed", status: 200 });
  assertEquals(backend.stats.responseTime, 1.5);
});

Deno.test("Lease tells the gate that it begins, and how it went with all that is known", () => {
  let now = 1000;
  const backend = newBackend("a");
  const lease = leaseOn(backend, () => now);
  assertEquals(backend.gate.begun, 1);
  now += 250;
  lease.begin();
  now += 250;
  lease.begin();
  lease.settle({ kind: "broke", phase: "body" }, { facts: { reason: "reset" } });
  assertEquals(backend.gate.facts, [{ reason: "reset", timeToFirstByte: 0.25 }]);
});

Deno.test("Lease tells the policy that chose its first byte and its end", () => {
  const told: unknown[] = [];
  const policy: Policy = {
    choose: () => {
      throw new Error("not asked");
    },
    learned: (lease, facts) => told.push([lease.backend.name, facts]),
  };
  let now = 0;
  const lease = leaseOn(newBackend("a"), () => now, policy);
  now = 500;
  lease.begin();
  lease.settle({ kind: "completed", status: 200 });
  lease.settle({ kind: "completed", status: 200 });
  assertEquals(told, [["a", { timeToFirstByte: 0.5 }], ["a", { timeToFirstByte: 0.5 }]]);
});

Deno.test("Lease can be given back while it waits, and no more once its answer has begun or it is settled", () => {
  const backend = newBackend("a");
  const [waiting, begun, settled] = [1, 2, 3].map(() => leaseOn(backend, () => 0));
  const revoked: string[] = [];
  waiting!.onRevoked = () => revoked.push("waiting");
  begun!.onRevoked = () => revoked.push("begun");
  settled!.onRevoked = () => revoked.push("settled");
  begun!.begin();
  settled!.settle({ kind: "refused" });
  backend.revokeWaiting();
  backend.revokeWaiting();
  assertEquals(revoked, ["waiting"]);
  assertEquals([waiting!.revoked, begun!.revoked, backend.inFlight], ["fell", false, 2]);
});
