import { assert, assertEquals } from "@std/assert";
import { ENDPOINTS } from "../../../src/engine/endpoints.ts";
import { dialectOf } from "../../../src/engine/engines.ts";
import { INFINILM } from "../../../src/engine/infinilm.ts";
import { callOf, PLAIN, runDialectContract } from "../../contract/dialect.ts";

runDialectContract("the InfiniLM dialect", INFINILM);

const MESSAGES = '"messages":[{"role":"user","content":"x"}]';

/** The body that the engine gets. */
function sent(body: string, { path = "/chat/completions", streamUpstream = false } = {}): string {
  const { body: bytes } = INFINILM.prepare(callOf(body, { path }), { ...PLAIN, streamUpstream });
  return new TextDecoder().decode(bytes);
}

const TEXTS = '[{"type":"text","text":"a"}, {"type":"text","text":"b\\u00e9"}]';
const IMAGE = '[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:x"}}]';

const STOPS: readonly (readonly [body: string, expected: string])[] = [
  [`{"stop":"", ${MESSAGES}}`, `{"stop":null, ${MESSAGES}}`],
  [`{"stop":["", "a"]}`, `{"stop":["a"]}`],
  [`{"stop":[""],"sampling_params":{"stop":""}}`, `{"stop":null,"sampling_params":{"stop":null}}`],
  [`{"stop":["a","b"]}`, `{"stop":["a","b"]}`],
];

const EDITS: readonly (readonly [body: string, expected: string])[] = [
  [`{"max_completion_tokens" : 7, ${MESSAGES}}`, `{"max_tokens" : 7, ${MESSAGES}}`],
  [`{"max_completion_tokens":7,"max_tokens":9}`, `{"max_completion_tokens":7,"max_tokens":7}`],
  [
    `{"max_completion_tokens":null,"temperature":0.10}`,
    `{"max_completion_tokens":null,"temperature":0.10}`,
  ],
  [
    `{"messages":[{"content":${TEXTS}}]}`,
    '{"messages":[{"content":[{"type":"text","text":"a\\nbé"}]}]}',
  ],
  [`{"messages":[{"content":${IMAGE}}]}`, `{"messages":[{"content":${IMAGE}}]}`],
  [
    '{"messages":[{"content":[{"type":"text","text":"a"}]}]}',
    '{"messages":[{"content":[{"type":"text","text":"a"}]}]}',
  ],
];

for (const [body, expected] of [...EDITS, ...STOPS]) {
  Deno.test(`InfiniLM gets ${expected} for ${body}`, () => assertEquals(sent(body), expected));
}

Deno.test("InfiniLM gets a completion on its chat route, its prompt as text", () => {
  const { target } = INFINILM.prepare(callOf('{"prompt":"x"}', { path: "/completions" }), PLAIN);
  assertEquals(target, "/v1/chat/completions");
  assertEquals(sent('{"prompt":["x\\u0041"]}', { path: "/completions" }), '{"prompt":"xA"}');
});

Deno.test("InfiniLM is asked for a stream where the operator wants that, and the counts are told missing", () => {
  assertEquals(sent(`{${MESSAGES}}`, { streamUpstream: true }), `{"stream":true,${MESSAGES}}`);
  assertEquals(
    sent(`{"stream":false,${MESSAGES}}`, { streamUpstream: true }),
    `{"stream":true,${MESSAGES}}`,
  );
  const options = { ...PLAIN, streamUpstream: true };
  const { ignored, reading } = INFINILM.prepare(callOf(`{${MESSAGES}}`), options);
  assertEquals([ignored, reading?.joined === undefined], [["usage"], false]);
  const streamed = INFINILM.prepare(callOf(`{"stream":true,${MESSAGES}}`), options);
  assertEquals([streamed.ignored, streamed.reading?.joined], [[], undefined]);
});

const IGNORED: readonly (readonly [body: Record<string, unknown>, names: string[]])[] = [
  [{ temperature: 0.5, top_p: 1, top_k: 5 }, ["temperature", "top_p", "top_k"]],
  [{ n: 1, tools: [], tool_choice: "auto", logprobs: false, presence_penalty: 0 }, []],
  [{ n: 2, seed: 7, tools: [{}], response_format: { type: "json_object" } }, [
    "n",
    "seed",
    "tools",
    "response_format",
  ]],
  [{ response_format: { type: "text" }, user: "u", metadata: {}, store: true, seed: null }, []],
  [{ stream_options: { include_usage: true } }, ["stream_options.include_usage"]],
  [{ stream_options: { include_usage: false } }, []],
  [{ max_new_tokens: 5, max_completion_tokens: 5 }, ["max_new_tokens"]],
  [{ sampling_params: { max_tokens: 5, stop: "x", temperature: 1 } }, [
    "sampling_params.temperature",
  ]],
  [{ "bad\r\nname": 1, ["x".repeat(65)]: 1, __proto__: null }, []],
];

for (const [body, names] of IGNORED) {
  Deno.test(`of ${JSON.stringify(body).slice(0, 80)} InfiniLM ignores ${names.join(", ") || "nothing"}`, () => {
    const call = callOf(body);
    assertEquals(INFINILM.prepare(call, PLAIN).ignored, names);
    assertEquals(INFINILM.refusal!(call, PLAIN), undefined);
    const refusal = INFINILM.refusal!(call, { ...PLAIN, strict: true });
    assertEquals([refusal?.code, refusal?.param], [
      names.length > 0 ? "unsupported_parameter" : undefined,
      names[0],
    ]);
  });
}

const REFUSED: readonly (readonly [body: Record<string, unknown>, param: string | undefined])[] = [
  [{ stop: 5 }, "stop"],
  [{ stop: ["a", 5] }, "stop"],
  [{ stop: true }, "stop"],
  [{ stop: "" }, undefined],
  [{ stop: null }, undefined],
  [{ sampling_params: { stop: [null] } }, "sampling_params.stop"],
  [{ max_tokens: 0 }, "max_tokens"],
  [{ max_tokens: 0.5 }, "max_tokens"],
  [{ max_tokens: "0" }, "max_tokens"],
  [{ max_tokens: false }, "max_tokens"],
  [{ max_completion_tokens: 0 }, "max_completion_tokens"],
  [{ sampling_params: { max_tokens: 0 } }, "sampling_params.max_tokens"],
  [{ max_tokens: -1 }, "max_tokens"],
  [{ max_tokens: 1 }, undefined],
  [{ max_completion_tokens: "0_0" }, "max_completion_tokens"],
  [{ max_tokens: "\uff10" }, "max_tokens"],
  [{ max_tokens: "5" }, "max_tokens"],
  [
    part({ type: "image_url", image_url: { url: "/etc/passwd" } }),
    "messages[0].content[0].image_url.url",
  ],
  [
    part({ type: "image_url", image_url: "file:///etc/passwd" }),
    "messages[0].content[0].image_url",
  ],
  [{ messages: [], prompt: [{ type: "image_url", image_url: "/etc/passwd" }] }, "prompt"],
  [{ prompt: "x" }, undefined],
  [part({ type: "video", video: "x.mp4" }), "messages[0].content[0].video"],
  [part({ type: "image_url", image_url: { url: "DATA:image/png;base64,x" } }), undefined],
  [part({ type: "image_url", image_url: { url: "https://x/y.png" } }), undefined],
];

function part(content: unknown): Record<string, unknown> {
  return { messages: [{ role: "user", content: [content] }] };
}

for (const [body, param] of REFUSED) {
  Deno.test(`InfiniLM ${param === undefined ? "gets" : "must not get"} ${JSON.stringify(body).slice(0, 100)}`, () => {
    const refusal = INFINILM.refusal!(callOf(body), PLAIN);
    assertEquals([refusal?.status, refusal?.param], [param && 400, param]);
  });
}

const COMPLETIONS:
  readonly (readonly [body: Record<string, unknown>, param: string | undefined])[] = [
    [{ prompt: "x" }, undefined],
    [{ prompt: ["x"] }, undefined],
    [{ prompt: [1, 2] }, "prompt"],
    [{ prompt: [[1, 2]] }, "prompt"],
    [{ prompt: [] }, "prompt"],
    [{ prompt: "" }, "prompt"],
    [{ prompt: ["a", ""] }, "prompt"],
    [{ prompt: "x", echo: true }, "echo"],
    [{ prompt: "x", echo: false, suffix: "", n: 1, best_of: 1, logprobs: null }, undefined],
    [{ prompt: "x", suffix: "y" }, "suffix"],
    [{ prompt: "x", logprobs: 0 }, "logprobs"],
    [{ prompt: "x", n: 2 }, "n"],
    [{ prompt: "x", best_of: 2 }, "best_of"],
    [{ prompt: "x", messages: [] }, "messages"],
  ];

for (const [body, param] of COMPLETIONS) {
  Deno.test(`InfiniLM ${param === undefined ? "can" : "cannot"} complete ${JSON.stringify(body)}`, () => {
    const refusal = INFINILM.refusal!(callOf(body, { path: "/completions" }), PLAIN);
    assertEquals([refusal?.status, refusal?.param], [param && 400, param]);
  });
}

Deno.test("InfiniLM has chat and completions, and no other endpoint", () => {
  for (const { path } of ENDPOINTS) {
    const refusal = INFINILM.refusal!(callOf({ prompt: "x" }, { path }), PLAIN);
    const has = path === "/chat/completions" || path === "/completions";
    assertEquals([path, refusal?.code], [path, has ? undefined : "unsupported_by_engine"]);
  }
});

Deno.test("what cannot fit into the engine's context is refused, what may is not", () => {
  const refuses = (
    text: string,
    options: Record<string, unknown>,
    more = {},
  ): string | undefined => {
    const body = { messages: [{ content: [{ type: "text", text }] }], ...more };
    const refusal = INFINILM.refusal!(callOf(body), { ...PLAIN, ...options });
    assert(refusal === undefined || refusal.code === "context_length_exceeded");
    return refusal?.param;
  };
  const long = "x".repeat(8 * 99);
  assertEquals(refuses(long, { maxContext: 100 }), undefined);
  assertEquals(refuses(`${long}x`, { maxContext: 100 }), "messages");
  assertEquals(refuses(`${long}x`, {}), undefined);
  assertEquals(refuses("x", { maxContext: 100 }, { max_tokens: 100 }), "max_tokens");
  assertEquals(
    refuses("x", { maxContext: 100, cacheType: "static" }, { max_tokens: 100 }),
    undefined,
  );
  assertEquals(refuses(long, { maxContext: 100 }, { max_completion_tokens: 50 }), "messages");
  assertEquals(
    refuses("x", { maxContext: 100 }, { sampling_params: { max_tokens: 100 } }),
    "max_tokens",
  );
});

Deno.test("what is too much to be parsed is not for InfiniLM, nor for what may be one, and is not looked at", () => {
  const json = (): never => {
    throw new Error("it was parsed");
  };
  const call = { ...callOf({ prompt: "x" }, { path: "/completions" }), json, dense: true };
  const unknown = dialectOf({ engine: "openai", engineUnknown: true });
  for (const dialect of [INFINILM, unknown]) {
    assertEquals(dialect.refusal!(call, PLAIN)?.code, "body_too_large");
  }
});
