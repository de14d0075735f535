import { spacedJson } from "./python_json.ts";

/** Why an InfiniLM answer ended; OpenAI knows only the first two. */
export type InfiniLmFinish = "stop" | "length" | "timeout" | "error";

/** What all parts of one answer have in common. */
export interface InfiniLmIdentity {
  id: string;
  model: string;
}

/** One event of a stream: a piece of text, a reason to end, or both if something went wrong. */
export function chunk(
  identity: InfiniLmIdentity,
  { text, finishReason }: { text?: string; finishReason?: InfiniLmFinish },
): string {
  return spacedJson({
    ...opening(identity, "chat.completion.chunk"),
    choices: [{
      index: 0,
      text: text ?? null,
      delta: text ? { content: text } : {},
      logprobs: null,
      finish_reason: finishReason ?? null,
    }],
  });
}

/** The event that tells of an exception. */
export function errorChunk(identity: InfiniLmIdentity, message: string): string {
  return chunk(identity, { text: `[Error: ${message}]`, finishReason: "error" });
}

/** The body of a whole answer. */
export function completion(
  identity: InfiniLmIdentity,
  { text, finishReason, promptTokens, completionTokens }: {
    text: string;
    finishReason: InfiniLmFinish;
    promptTokens: number;
    completionTokens: number;
  },
): string {
  return JSON.stringify({
    ...opening(identity, "chat.completion"),
    choices: [{
      index: 0,
      message: { role: "assistant", content: text },
      logprobs: null,
      finish_reason: finishReason,
    }],
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    },
  });
}

/** The list of models: always the one that is served. */
export function modelList(model: string): string {
  const entry = { id: model, object: "model", created: seconds(), owned_by: "infinilm" };
  return JSON.stringify({ object: "list", data: [entry] });
}

/** The body of an error. */
export function errorBody(text: string): string {
  return JSON.stringify({ error: text });
}

/** The time is taken anew for every part of an answer. */
function opening({ id, model }: InfiniLmIdentity, object: string): Record<string, unknown> {
  return { id, object, created: seconds(), model, system_fingerprint: null };
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
