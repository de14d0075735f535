import { STATUS_CODE } from "@std/http/status";
import type { Config } from "../config/config.ts";
import { ENDPOINTS } from "../engine/endpoints.ts";
import { errorBody, type ErrorForm } from "../engine/error_form.ts";
import type { RouterError } from "../errors.ts";

export interface ErrorBodyOptions {
  format: Config["errors"]["format"];
  /** What was asked for, if that could be read. */
  path: string | undefined;
  /** The request's headers: client libraries announce themselves there. */
  headers: Headers;
  requestId: string;
}

/** Libraries that read `error` only if it is an object, by what they call themselves (docs/clients.md). */
const READS_OBJECTS = /openai\w*\/|anthropic\w*\/|ai-sdk|langchain|litellm|spring-ai/i;

const ANTHROPIC_PATHS: ReadonlySet<string> = new Set(
  ENDPOINTS.filter(({ api }) => api === "anthropic").flatMap(({ path }) => [path, `/v1${path}`]),
);

/** The one place where an error becomes HTTP. */
export function errorResponse(error: RouterError, options: ErrorBodyOptions): Response {
  const { requestId } = options;
  const body = errorBody(error, { form: formFor(options), requestId });
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

function formFor({ format, path, headers }: ErrorBodyOptions): ErrorForm {
  if (format === "text") return "text";
  if (path !== undefined && ANTHROPIC_PATHS.has(path)) return "anthropic";
  if (format === "openai" || headers.has("x-stainless-lang")) return "openai";
  return READS_OBJECTS.test(headers.get("user-agent") ?? "") ? "openai" : "text";
}
