/** `deno bench tests/bench`: what InfiniLM's dialect costs, without sockets. */
import type { EngineCall } from "../../src/engine/dialect.ts";
import { ENDPOINTS } from "../../src/engine/endpoints.ts";
import { INFINILM } from "../../src/engine/infinilm.ts";
import { InfinilmReading } from "../../src/engine/infinilm_answer.ts";
import type { JsonObject } from "../../src/engine/json_object.ts";

const OPTIONS = {
  strict: false,
  maxContext: 131_072,
  cacheType: undefined,
  streamUpstream: false,
} as const;

const EVENT = new TextEncoder().encode(
  'data: {"id": "cmpl-4728ed9fa3a245d688ade587136609f4", "object": "chat.completion.chunk", ' +
    '"created": 1795351359, "model": "stub-7b", "system_fingerprint": null, "choices": [{"index": 0, ' +
    '"text": " t0", "delta": {"content": " t0"}, "logprobs": null, "finish_reason": null}]}\n\n',
);

for (const completion of [false, true]) {
  const reading = new InfinilmReading({ completion, join: false });
  Deno.bench({
    name: `an event of a ${completion ? "completion" : "chat"}`,
    group: "translated",
    fn: () => void reading.events(EVENT),
  });
}

/** A call that has been parsed once, as all are; the dialect parses it again. */
function callOf(content: string, more: Record<string, unknown> = {}): EngineCall {
  const text = JSON.stringify({ model: "m", messages: [{ role: "user", content }], ...more });
  const body = new TextEncoder().encode(text);
  const json = (): JsonObject => JSON.parse(new TextDecoder().decode(body)) as JsonObject;
  return { endpoint: ENDPOINTS[0]!, query: "", body, json };
}

const CALLS: readonly (readonly [name: string, call: EngineCall])[] = [
  ["a small call, unchanged", callOf("hello")],
  ["a small call with max_completion_tokens", callOf("hello", { max_completion_tokens: 5 })],
  ["8 KB, unchanged", callOf('hello w"orld '.repeat(640))],
  [
    "8 KB with max_completion_tokens",
    callOf('hello w"orld '.repeat(640), { max_completion_tokens: 5 }),
  ],
];

for (const [name, call] of CALLS) {
  Deno.bench({
    name,
    group: "checked and prepared",
    fn(): void {
      let parsed: JsonObject | undefined;
      const once = { ...call, json: (): JsonObject => parsed ??= call.json() };
      INFINILM.refusal!(once, OPTIONS);
      INFINILM.prepare(once, OPTIONS);
    },
  });
}
