/** How the parameters of an endpoint are checked before an engine sees them. */
export type ParameterCheck = "chat" | "completion" | "model_only";

/** An endpoint that is routed by its `model`. */
export interface Endpoint {
  /** The path clients use, with or without `/v1` before it. */
  readonly path: string;
  /** The path engines serve it on. */
  readonly upstreamPath: string;
  readonly check: ParameterCheck;
  /** Whose API it is, and so whose form errors have. */
  readonly api: "openai" | "anthropic";
}

function endpoint(
  path: string,
  { v1 = true, check = "model_only" as ParameterCheck, api = "openai" as Endpoint["api"] } = {},
): Endpoint {
  return { path, upstreamPath: v1 ? `/v1${path}` : path, check, api };
}

/** Every routed endpoint. Those of vLLM's own making live outside `/v1`. */
export const ENDPOINTS: readonly Endpoint[] = [
  endpoint("/chat/completions", { check: "chat" }),
  endpoint("/completions", { check: "completion" }),
  endpoint("/embeddings"),
  endpoint("/responses"),
  endpoint("/messages", { api: "anthropic" }),
  endpoint("/messages/count_tokens", { api: "anthropic" }),
  endpoint("/images/generations"),
  endpoint("/audio/speech"),
  endpoint("/rerank", { v1: false }),
  endpoint("/score", { v1: false }),
  endpoint("/classify", { v1: false }),
  endpoint("/tokenize", { v1: false }),
  endpoint("/detokenize", { v1: false }),
];
