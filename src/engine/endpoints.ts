/**
 * How the parameters of an endpoint are checked before an engine sees them; of `nothing` not even whether the
 * body is JSON.
 */
export type ParameterCheck = "chat" | "completion" | "model_only" | "nothing";

/** An endpoint that is routed by its `model`. */
export interface Endpoint {
  /** The path clients use, with or without `/v1` before it. */
  readonly path: string;
  /** The path engines serve it on. */
  readonly upstreamPath: string;
  readonly check: ParameterCheck;
  /** Whose API it is, and so whose form errors have. */
  readonly api: "openai" | "anthropic";
  /**
   * The names of the events behind which nothing of a stream is missing, beside `[DONE]`, which ends every
   * one. Undefined if it is not known how its streams end.
   */
  readonly lastEvents: readonly string[] | undefined;
}

function endpoint(
  path: string,
  {
    v1 = true,
    check = "model_only" as ParameterCheck,
    api = "openai" as Endpoint["api"],
    lastEvents = undefined as Endpoint["lastEvents"],
  } = {},
): Endpoint {
  return { path, upstreamPath: v1 ? `/v1${path}` : path, check, api, lastEvents };
}

/** A path that is not in the API, to be passed to a backend as it is. */
export function unknownEndpoint(path: string): Endpoint {
  return endpoint(path, { v1: false, check: "nothing" });
}

/** Every routed endpoint. Those of vLLM's own making live outside `/v1`. */
export const ENDPOINTS: readonly Endpoint[] = [
  endpoint("/chat/completions", { check: "chat", lastEvents: [] }),
  endpoint("/completions", { check: "completion", lastEvents: [] }),
  endpoint("/embeddings"),
  endpoint("/responses", {
    lastEvents: ["response.completed", "response.failed", "response.incomplete"],
  }),
  endpoint("/messages", { api: "anthropic", lastEvents: ["message_stop"] }),
  endpoint("/messages/count_tokens", { api: "anthropic" }),
  endpoint("/images/generations"),
  endpoint("/audio/speech", { lastEvents: ["speech.audio.done"] }),
  endpoint("/rerank", { v1: false }),
  endpoint("/score", { v1: false }),
  endpoint("/classify", { v1: false }),
  endpoint("/tokenize", { v1: false }),
  endpoint("/detokenize", { v1: false }),
];
