import { assertEquals } from "@std/assert";
import { RouterError } from "../../../src/errors.ts";
import { begin } from "./exchange_support.ts";

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
