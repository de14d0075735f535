import { assertEquals } from "@std/assert";
import { readHead } from "../../../src/proxy/request_head.ts";

Deno.test("readHead finds what is looked at by name, in any case, and keeps the rest in order", () => {
  const head = readHead(
    new Headers([
      ["Host", "router"],
      ["X-Request-Id", "r-1"],
      ["Content-Length", "5"],
      ["Content-Type", "application/json"],
      ["Authorization", "Bearer x"],
      ["Expect", "100-continue"],
      ["X-Forwarded-For", "1.1.1.1"],
    ]),
  );
  const { passing, ...fields } = head;
  assertEquals(fields, {
    host: "router",
    requestId: "r-1",
    contentLength: "5",
    contentType: "application/json",
    expect: "100-continue",
    forwardedFor: "1.1.1.1",
  });
  assertEquals(passing, [["authorization", "Bearer x"], ["content-type", "application/json"]]);
});

Deno.test("readHead takes no header's name for a field of its own", () => {
  const { passing, ...fields } = readHead(new Headers([["passing", "x"], ["__proto__", "y"]]));
  assertEquals(fields, {});
  assertEquals(passing, [["__proto__", "y"], ["passing", "x"]]);
});
