import { assertEquals, assertThrows } from "@std/assert";
import { BookError } from "../../../src/discovery/book_error.ts";
import {
  checkSize,
  MAX_SERVICE_BYTES,
  readChange,
  readRegistration,
  type Told,
} from "../../../src/discovery/registration.ts";

const WHOLE = {
  name: "qwen-server",
  host: "10.0.0.5",
  port: 8100,
  hostname: "10.0.0.5",
  url: "http://10.0.0.5:8100",
  status: "running",
};

Deno.test("a registration keeps what nobody here knows, and none of what the registry says itself", () => {
  const ours = { timestamp: "x", last_heartbeat: 1, health_status: "healthy", is_healthy: true };
  const metadata = { type: "openai-api", more: { deep: [1] } };
  const extra = { rack: 7, nothing: null };
  assertEquals<unknown>(readRegistration({ ...WHOLE, ...ours, metadata, ...extra }), {
    metadata,
    ...WHOLE,
    ...extra,
  });
  assertEquals<unknown>(readRegistration(WHOLE), { metadata: {}, ...WHOLE });
});

Deno.test("a member called __proto__ is a member", () => {
  const told = readRegistration(
    JSON.parse(`{"__proto__":{"host":"8.8.8.8"},${JSON.stringify(WHOLE).slice(1)}`),
  );
  assertEquals(Object.getPrototypeOf(told), Object.prototype);
  assertEquals(told.host, "10.0.0.5");
  const without = `{"__proto__":${JSON.stringify(WHOLE)}}`;
  assertThrows(() => readRegistration(JSON.parse(without)), BookError, "name must be");
});

const WRONG: readonly (readonly [member: string, values: readonly unknown[]])[] = [
  ["name", [undefined, null, "", 1, "a\nb", "x".repeat(257)]],
  ["host", [undefined, "", "a b", "a/b", "[::1]", "fe80::1%eth0", "x".repeat(254), ["10.0.0.1"]]],
  ["port", [undefined, 0, 65536, 1.5, "8100", -1]],
  ["hostname", [undefined, 1]],
  ["url", [undefined, {}]],
  ["status", [undefined, true]],
  ["metadata", [null, [], "x"]],
];

for (const [member, values] of WRONG) {
  Deno.test(`a registration with a wrong ${member} is refused, and the member named`, () => {
    for (const value of values) {
      const error = assertThrows(() => readRegistration({ ...WHOLE, [member]: value }), BookError);
      assertEquals([error.code, error.message.startsWith(`${member} must be`)], ["invalid", true]);
    }
  });
}

Deno.test("what is no object is no registration and no change", () => {
  for (const body of [null, [], "x", 1]) {
    assertThrows(() => readRegistration(body), BookError, "JSON object");
    assertThrows(() => readChange(body), BookError, "JSON object");
  }
});

Deno.test("a change has what is to change: not the name, not what is null", () => {
  assertEquals<unknown>(readChange({ name: "other", host: "10.0.0.6", port: null, rack: 8 }), {
    host: "10.0.0.6",
    rack: 8,
  });
  assertEquals<unknown>(readChange({}), {});
  assertThrows(
    () => readChange({ port: "1" }),
    BookError,
    'port must be an integer from 1 to 65535, received "1"',
  );
  assertThrows(() => readChange({ metadata: [] }), BookError, "metadata must be");
});

Deno.test("a service may have so many bytes in UTF-8 and no more", () => {
  const sized = (count: number): Told => ({ ...WHOLE, metadata: { text: "é".repeat(count) } });
  const room = MAX_SERVICE_BYTES - JSON.stringify(sized(0)).length;
  checkSize(sized(Math.floor(room / 2)));
  const error = assertThrows(() => checkSize(sized(Math.floor(room / 2) + 1)), BookError);
  assertEquals(error.code, "too_large");
});
