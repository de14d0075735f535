import { assert, assertEquals } from "@std/assert";
import { type ErrorCode, ERRORS, RouterError } from "../../src/errors.ts";

Deno.test("a RouterError has what the table says of its code", () => {
  for (const [code, { status, type, source, repeat }] of Object.entries(ERRORS)) {
    const error = new RouterError(code as ErrorCode, "x");
    assertEquals([error.status, error.type, error.source, error.repeat], [
      status,
      type,
      source,
      repeat,
    ]);
  }
});

Deno.test("a RouterError's own word on repeating stands against the table, also if it is no", () => {
  assertEquals(new RouterError("overloaded", "x", { repeat: false }).repeat, false);
  assertEquals(new RouterError("not_found", "x", { repeat: true }).repeat, true);
});

Deno.test("no error of the client's making but slowness is worth repeating, and each kind has the statuses of its source", () => {
  for (const [code, { status, source, repeat }] of Object.entries(ERRORS)) {
    if (source === "client") {
      assert(repeat === (code === "request_timeout") && (status < 500 || status === 501), code);
    }
    if (source === "upstream") assert([429, 500, 502, 503, 504].includes(status), code);
  }
});
