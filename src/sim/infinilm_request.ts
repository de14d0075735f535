import { isTrue, toFloat, toInt } from "./python_values.ts";
import { isObject } from "./text_request.ts";

/** What the engine heeds of a call, besides its messages. */
export interface SamplingParams {
  /** 0 = no limit; less = one token. */
  maxTokens: number;
  /** Whatever was sent: it is looked at only after a token, in the engine. */
  stop: unknown;
}

/** What stands for the messages: `prompt` if there are none; undefined = neither. */
export function messagesOf(body: Record<string, unknown>): unknown {
  if (isTrue(body.messages)) return body.messages;
  return isTrue(body.prompt) ? [{ role: "user", content: body.prompt }] : undefined;
}

/**
 * Reads the parameters; throws a `PythonError`. The sampling ones are read and then ignored, and
 * `max_completion_tokens`, `n`, `stream_options`, `tools` and all others are not even read.
 */
export function readSampling(
  body: Record<string, unknown>,
  { maxTokens }: { maxTokens: number },
): SamplingParams {
  const nested = isObject(body.sampling_params) ? body.sampling_params : {};
  const pick = (key: string, otherwise: unknown): unknown => body[key] ?? nested[key] ?? otherwise;
  toFloat(pick("temperature", 1));
  toFloat(pick("top_p", 1));
  toInt(pick("top_k", 1));
  return { maxTokens: toInt(pick("max_tokens", maxTokens)), stop: pick("stop", undefined) };
}
