import { assertEquals } from "@std/assert";
import { errorResponse } from "../../../src/api/error_body.ts";
import { type ErrorCode, ERRORS, RouterError } from "../../../src/errors.ts";

const ERROR = new RouterError("invalid_parameter", 'stop must be "x"', { param: "stop" });
const TEXT = {
  error: 'stop must be "x"',
  code: "invalid_parameter",
  type: "invalid_request_error",
  param: "stop",
  request_id: "r-1",
};
const OBJECT = {
  error: {
    message: 'stop must be "x"',
    type: "invalid_request_error",
    param: "stop",
    code: "invalid_parameter",
  },
};

const FORMS: [format: "auto" | "text" | "openai", sdk: boolean, body: unknown][] = [
  ["auto", false, TEXT],
  ["auto", true, OBJECT],
  ["text", false, TEXT],
  ["text", true, TEXT],
  ["openai", false, OBJECT],
  ["openai", true, OBJECT],
];

for (const [format, sdk, body] of FORMS) {
  Deno.test(`errors.format ${format} answers ${sdk ? "an OpenAI SDK" : "other clients"} with ${body === TEXT ? "a text" : "an object"}`, async () => {
    const headers = new Headers(sdk ? { "X-Stainless-Lang": "python" } : {});
    const response = errorResponse(ERROR, { format, headers, requestId: "r-1" });
    assertEquals(await response.json(), body);
    assertEquals(response.headers.get("content-type"), "application/json");
  });
}

function respond(error: RouterError): Response {
  return errorResponse(error, { format: "text", headers: new Headers(), requestId: "r-1" });
}

for (const code of Object.keys(ERRORS) as ErrorCode[]) {
  Deno.test(`error ${code} has its status, its code, and says whether to repeat it`, async () => {
    const response = respond(new RouterError(code, "x"));
    // 499 is for the log: whoever is there to read this has sent a broken request.
    assertEquals(response.status, code === "client_closed" ? 400 : ERRORS[code].status);
    assertEquals((await response.json()).code, code);
    assertEquals(response.headers.get("x-should-retry"), ERRORS[code].repeat ? null : "false");
  });
}

Deno.test("an error's own headers, retry-after and word on repeating go before the table's", async () => {
  const response = respond(
    new RouterError("overloaded", "x", {
      retryAfter: 7,
      repeat: false,
      headers: { allow: "POST" },
    }),
  );
  assertEquals(response.headers.get("retry-after"), "7");
  assertEquals(response.headers.get("x-should-retry"), "false");
  assertEquals(response.headers.get("allow"), "POST");
  assertEquals((await response.json()).param, null);
});
