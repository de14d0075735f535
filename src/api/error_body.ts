import { STATUS_CODE } from "@std/http/status";
import type { Config } from "../config/config.ts";
import type { RouterError } from "../errors.ts";

export interface ErrorBodyOptions {
  format: Config["errors"]["format"];
  /** The request's headers, if they could be read: OpenAI's SDKs announce themselves there. */
  headers: Headers;
  requestId: string;
}

/**
 * The one place where an error becomes HTTP. The API's own form has the text under `error`; OpenAI's
 * SDKs read only an object there, and get one.
 */
export function errorResponse(error: RouterError, options: ErrorBodyOptions): Response {
  const { format, requestId } = options;
  const { message, type, code } = error;
  const param = error.param ?? null;
  const asObject = format === "openai" ||
    (format === "auto" && options.headers.has("x-stainless-lang"));
  const body = asObject
    ? { error: { message, type, param, code } }
    : { error: message, code, type, param, request_id: requestId };
  const headers = new Headers({
    "content-type": "application/json",
    "cache-control": "no-store, no-transform",
    ...error.headers,
  });
  if (!error.repeat) headers.set("x-should-retry", "false");
  if (error.retryAfter !== undefined) headers.set("retry-after", String(error.retryAfter));
  // 499 is for the log alone: a client that is still there to read this has sent a broken request.
  const status = error.code === "client_closed" ? STATUS_CODE.BadRequest : error.status;
  return new Response(JSON.stringify(body), { status, headers });
}
