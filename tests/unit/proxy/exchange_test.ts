import { assertEquals } from "@std/assert";
import { SignalPeer } from "../../../src/door/signal_peer.ts";
import { RouterError } from "../../../src/errors.ts";
import { beginRecord, type RequestRecord } from "../../../src/observe/request_record.ts";
import { Exchange } from "../../../src/proxy/exchange.ts";
import { HeldBytes } from "../../../src/proxy/held_bytes.ts";
import type { House } from "../../../src/proxy/house.ts";
import { OpenCalls } from "../../../src/proxy/open_calls.ts";
import { SharedTimer } from "../../../src/proxy/shared_timer.ts";
import { Lease } from "../../../src/registry/lease.ts";
import { newBackend, type TestBackend } from "../../contract/backends.ts";

interface Begun extends Disposable {
  exchange: Exchange;
  backend: TestBackend;
  lease: Lease;
  told: RequestRecord[];
  house: House;
}

/** A call whose first attempt broke. */
function begin(): Begun {
  const told: RequestRecord[] = [];
  const requestTimer = new SharedTimer(1000, () => 0);
  const house = {
    config: { timeouts: { idleMs: 1000, totalMs: null, clientStallMs: 1000 } },
    sinks: [(record: RequestRecord) => void told.push(record)],
    requestTimer,
    openCalls: new OpenCalls(10),
    heldBytes: new HeldBytes(1000),
    now: () => 0,
  } as unknown as House;
  const record = beginRecord({ requestId: "r", method: "POST", client: "c" });
  record.attempts.push({
    backend: "before",
    why: "",
    duration: 0,
    outcome: { kind: "broke", phase: "head" },
    next: "once",
  });
  const peer = new SignalPeer("c", new AbortController().signal);
  const exchange = new Exchange(record, { house, peer });
  const backend = newBackend("a");
  const lease = new Lease({ backend, why: "" }, { now: () => 0 });
  return { exchange, backend, lease, told, house, [Symbol.dispose]: () => requestTimer.stop() };
}

Deno.test("an exchange without an answer ends as its last attempt did", () => {
  using call = begin();
  call.exchange.fail(new RouterError("upstream_broken", ""));
  const [record] = call.told;
  assertEquals([record!.status, record!.code], [502, "upstream_broken"]);
  assertEquals(record!.outcome, { kind: "broke", phase: "head" });
  assertEquals(call.exchange.cutoff.cause, "abandoned");
});

Deno.test("an exchange that a defect ends after an answer has come blames no backend for it", () => {
  using call = begin();
  call.exchange.lease = call.lease;
  call.exchange.fail(new RouterError("internal", ""));
  assertEquals(call.told[0]!.outcome, { kind: "router_failed" });
  assertEquals(call.backend.gate.records, [{ kind: "router_failed" }]);
  assertEquals(call.backend.inFlight, 0);
});

Deno.test("an exchange ends once, gives all back and is told to every sink", () => {
  using call = begin();
  const { exchange, house } = call;
  exchange.lease = call.lease;
  exchange.hold.occupy(10);
  exchange.end({ kind: "completed", status: 200 });
  exchange.end({ kind: "broke", phase: "body" }, { code: "internal" });
  exchange.fail(new RouterError("internal", ""));
  assertEquals([call.told.length, call.told[0]!.code], [1, undefined]);
  assertEquals(call.told[0]!.outcome, { kind: "completed", status: 200 });
  assertEquals([house.openCalls.count, house.heldBytes.held, call.backend.inFlight], [0, 0, 0]);
});
