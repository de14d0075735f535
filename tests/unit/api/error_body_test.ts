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
    const response = errorResponse(ERROR, { format, path: "/v1/x", headers, requestId: "r-1" });
    assertEquals(await response.json(), body);
    assertEquals(response.headers.get("content-type"), "application/json");
  });
}

const AGENTS: [agent: string, reads: "text" | "object"][] = [
  ["OpenAI/JS 7.57.0", "object"],
  ["AsyncOpenAI/Python 3.57.0", "object"],
  ["OpenAIClientImpl/Java 4.101.0", "object"],
  ["azsdk-net-OpenAI/2.13.0 (.NET 9.0)", "object"],
  ["ai-sdk-openai-compatible/3.0.92 ai-sdk-provider-utils/5.0.81 node.js/22", "object"],
  ["ai-sdk/openai-compatible/2.0.92 ai-sdk/provider-utils/4.0.65 runtime/node.js/v20", "object"],
  ["ai/6.0.326 ai-sdk/provider-utils/4.0.65 runtime/node.js/v20.20.2", "object"],
  ["langchainjs-openai/1.0.0 ((node/v22.23.3; linux; x64))", "object"],
  ["langchain4j-openai", "object"],
  ["litellm/1.110.2", "object"],
  ["spring-ai", "object"],
  ["Anthropic/JS 1.14.0", "object"],
  ["python-requests/2.34.2", "text"],
  ["Python-urllib/3.11", "text"],
  ["curl/8.5.0", "text"],
  ["node", "text"],
  ["Go-http-client/1.1", "text"],
  ["openaiproxy", "text"],
];

for (const [agent, reads] of AGENTS) {
  Deno.test(`errors.format auto answers ${agent} with ${reads === "text" ? "a text" : "an object"}`, async () => {
    const headers = new Headers({ "user-agent": agent });
    const options = { format: "auto", path: "/v1/x", headers, requestId: "r-1" } as const;
    const body = await errorResponse(ERROR, options).json();
    assertEquals(body, reads === "text" ? TEXT : OBJECT);
  });
}

for (const path of ["/messages", "/v1/messages", "/v1/messages/count_tokens"]) {
  Deno.test(`errors of ${path} have Anthropic's form, unless text is wanted`, async () => {
    for (const format of ["auto", "openai", "text"] as const) {
      const options = { format, path, headers: new Headers(), requestId: "r-1" };
      const body = await errorResponse(ERROR, options).json();
      const own = {
        type: "error",
        error: { type: "invalid_request_error", message: TEXT.error, code: TEXT.code },
        request_id: "r-1",
      };
      assertEquals(body, format === "text" ? TEXT : own);
    }
  });
}

function respond(error: RouterError): Response {
  const headers = new Headers();
  return errorResponse(error, { format: "text", path: "/v1/x", headers, requestId: "r-1" });
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
