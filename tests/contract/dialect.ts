import { assert, assertEquals } from "@std/assert";
import type { Dialect, EngineCall, EngineOptions, Prepared } from "../../src/engine/dialect.ts";
import { ENDPOINTS } from "../../src/engine/endpoints.ts";
import type { JsonObject } from "../../src/engine/json_object.ts";

const encoder = new TextEncoder();

/** An engine of which the operator said nothing. */
export const PLAIN: EngineOptions = {
  strict: false,
  maxContext: undefined,
  cacheType: undefined,
  streamUpstream: false,
};

/** A call with this body, as text or as an object. */
export function callOf(body: unknown, { path = "/chat/completions", query = "" } = {}): EngineCall {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return {
    endpoint: ENDPOINTS.find((endpoint) => endpoint.path === path)!,
    query,
    body: encoder.encode(text),
    json: () => JSON.parse(text) as JsonObject,
  };
}

const CHAT =
  '{ "model":"m","messages":[{"role":"user","content":"\\u4f60 1.0"}], "max_tokens":1e1}';
const EVENTS = [
  'data: {"id":"x","choices":[{"index":0,"delta":{"content":"[Error: no"},"finish_reason":null}]}\n\n',
  'data: {"id":"x","choices":[{"index":0,"delta":{"content":" [DONE]"},"finish_reason":null}]}\n\n',
  'data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
  "data: [DONE]\n\n",
];

/** What every dialect holds to. */
export function runDialectContract(name: string, dialect: Dialect): void {
  const prepared = (options = PLAIN): Prepared =>
    dialect.prepare(callOf(CHAT, { query: "?a=%20" }), options);

  Deno.test(`${name}: a chat that needs no change is sent as it came, byte for byte, with its query`, () => {
    assertEquals(dialect.refusal?.(callOf(CHAT), PLAIN), undefined);
    const { target, body, ignored = [] } = prepared();
    assertEquals(new TextDecoder().decode(body), CHAT);
    assertEquals([target, ignored.length], ["/v1/chat/completions?a=%20", 0]);
  });

  Deno.test(`${name}: an engine shows by two tokens that it still generates`, () => {
    const { target, body } = dialect.sign("m");
    const { prompt, ...rest } = JSON.parse(new TextDecoder().decode(body));
    assertEquals([target.startsWith("/v1/"), typeof prompt, rest], [true, "string", {
      model: "m",
      max_tokens: 2,
    }]);
  });

  Deno.test(`${name}: the first text begins an answer, whatever it looks like`, () => {
    prepared().reading?.begin(encoder.encode(EVENTS[0]));
  });

  Deno.test(`${name}: a stream gives its texts in order, its finish_reason and [DONE], in pieces or at once`, () => {
    for (const pieces of [EVENTS, [EVENTS.join("")]]) {
      const { reading } = prepared();
      const out = pieces.map((piece) => {
        const bytes = encoder.encode(piece);
        return new TextDecoder().decode(reading?.events(bytes) ?? bytes);
      }).join("");
      assertEquals(reading?.failure, undefined);
      assert(out.endsWith("data: [DONE]\n\n"), out);
      const chunks = out.split("\n\n").slice(0, 3).map((event) => JSON.parse(event.slice(6)));
      assertEquals(chunks.map(({ choices: [choice] }) => choice.delta.content ?? ""), [
        "[Error: no",
        " [DONE]",
        "",
      ]);
      assertEquals(chunks[2].choices[0].finish_reason, "stop");
    }
  });

  Deno.test(`${name}: a whole answer keeps its text, its counts and its finish_reason`, () => {
    const message = { role: "assistant", content: "hi" };
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
    const choices = [{ index: 0, message, finish_reason: "length" }];
    const body = encoder.encode(JSON.stringify({ id: "x", choices, usage }));
    const { reading } = prepared();
    const whole = JSON.parse(new TextDecoder().decode(reading?.whole(200, body) ?? body));
    assertEquals([whole.choices[0].message, whole.usage], [message, usage]);
    assertEquals(whole.choices[0].finish_reason, "length");
  });

  Deno.test(`${name}: what is no answer of its engine passes as it is`, () => {
    for (
      const text of [
        "<html>",
        "null",
        "[]",
        "{}",
        '{"id":null,"choices":[{}]}',
        '{"choices":[]}',
        '{"choices":[null]}',
        "",
      ]
    ) {
      const bytes = encoder.encode(text);
      const { reading } = prepared();
      assertEquals(new TextDecoder().decode(reading?.whole(200, bytes) ?? bytes), text);
      const event = encoder.encode(`data: ${text}\n\n`);
      reading?.begin(event);
      assertEquals(new TextDecoder().decode(reading?.events(event) ?? event), `data: ${text}\n\n`);
    }
  });
}
