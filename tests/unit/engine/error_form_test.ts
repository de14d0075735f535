import { assertEquals } from "@std/assert";
import { errorBody, errorEvent } from "../../../src/engine/error_form.ts";
import { type ErrorCode, ERRORS, RouterError } from "../../../src/errors.ts";

const ERROR = new RouterError("upstream_broken", "it broke");

Deno.test("an error event says message, type and code, and nothing else of an error that has more", () => {
  assertEquals(errorEvent(ERROR, { form: "openai", requestId: "r" }), {
    data: { error: { message: "it broke", type: "upstream_error", code: "upstream_broken" } },
  });
});

Deno.test("an error event of Anthropic's API has the name that its libraries look for", () => {
  assertEquals(errorEvent(ERROR, { form: "anthropic", requestId: "r" }), {
    event: "error",
    data: {
      type: "error",
      error: { type: "api_error", message: "it broke", code: "upstream_broken" },
      request_id: "r",
    },
  });
});

const TYPES: [code: ErrorCode, type: string][] = [
  ["bad_request", "invalid_request_error"],
  ["invalid_parameter", "invalid_request_error"],
  ["not_found", "not_found_error"],
  ["body_too_large", "request_too_large"],
  ["overloaded", "rate_limit_error"],
  ["upstream_busy", "rate_limit_error"],
  ["internal", "api_error"],
  ["model_not_found", "api_error"],
  ["upstream_timeout", "api_error"],
  ["no_healthy_backend", "overloaded_error"],
  ["at_capacity", "overloaded_error"],
  ["upstream_unavailable", "overloaded_error"],
];

for (const [code, type] of TYPES) {
  Deno.test(`${code} is ${type} in Anthropic's words`, () => {
    const body = errorBody(new RouterError(code, "x"), { form: "anthropic", requestId: "r" });
    assertEquals(body, {
      type: "error",
      error: { type, message: "x", code },
      request_id: "r",
    });
  });
}

Deno.test("every error has one of Anthropic's types", () => {
  const types = new Set(TYPES.map(([, type]) => type));
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const body = errorBody(new RouterError(code, "x"), { form: "anthropic", requestId: "r" });
    assertEquals(types.has((body as { error: { type: string } }).error.type), true, code);
  }
});
