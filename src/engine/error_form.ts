import type { ErrorCode, RouterError } from "../errors.ts";

/**
 * How a client reads errors: the API description's text, OpenAI's object, or Anthropic's envelope
 * (docs/clients.md).
 */
export type ErrorForm = "text" | "openai" | "anthropic";

type Told = Pick<RouterError, "message" | "type" | "code" | "param" | "status">;

/** An error as the body of an answer. */
export function errorBody(
  error: Told,
  { form, requestId }: { form: ErrorForm; requestId: string },
): unknown {
  const { message, type, code } = error;
  const param = error.param ?? null;
  switch (form) {
    case "text":
      return { error: message, code, type, param, request_id: requestId };
    case "openai":
      return { error: { message, type, param, code } };
    case "anthropic":
      return {
        type: "error",
        error: { type: anthropicType(error), message, code },
        request_id: requestId,
      };
  }
}

/** An error as the last event of a stream: its name, if it has one, and its data. */
export function errorEvent(
  error: Told,
  { form, requestId }: { form: ErrorForm; requestId: string },
): { event?: string; data: unknown } {
  if (form === "anthropic") return { event: "error", data: errorBody(error, { form, requestId }) };
  const { message, type, code } = error;
  return { data: { error: { message, type, code } } };
}

/** Anthropic's own words, by what they mean to who reads them. */
const ANTHROPIC_TYPES: Partial<Record<ErrorCode, string>> = {
  no_healthy_backend: "overloaded_error",
  at_capacity: "overloaded_error",
  queue_timeout: "overloaded_error",
  upstream_unavailable: "overloaded_error",
};

function anthropicType({ code, status }: Told): string {
  const own = ANTHROPIC_TYPES[code];
  if (own !== undefined) return own;
  if (status >= 500) return "api_error";
  if (status === 404) return "not_found_error";
  if (status === 413) return "request_too_large";
  return status === 429 ? "rate_limit_error" : "invalid_request_error";
}
