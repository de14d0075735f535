import { assertEquals } from "@std/assert";
import { CallLog, MAX_CALLS, type SimRecord } from "../../../src/sim/call_log.ts";

function record(body: string): SimRecord {
  return { method: "POST", path: "/", headers: {}, body, startedAt: 0 };
}

Deno.test("CallLog keeps the last calls only", () => {
  const log = new CallLog();
  for (let number = 0; number < MAX_CALLS + 5; number++) log.add(record(String(number)));
  assertEquals(log.calls.length, MAX_CALLS);
  assertEquals(log.calls[0]?.body, "5");
});

Deno.test("CallLog is bounded by the sum of the bodies, too", () => {
  const log = new CallLog();
  const large = "x".repeat(50 * 1024 * 1024);
  for (let number = 0; number < 5; number++) log.add(record(large));
  assertEquals(log.calls.length, 2);
});
