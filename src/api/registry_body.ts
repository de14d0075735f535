import { MAX_SERVICE_BYTES } from "../discovery/registration.ts";
import { RouterError } from "../errors.ts";
import { nestsDeeper } from "../proxy/json_depth.ts";
import type { RequestHead } from "../proxy/request_head.ts";
import { readSmallBody } from "./small_body.ts";

/** How long the body of a registration may take, milliseconds. */
const BODY_MS = 10_000;

/** Deeper metadata is nobody's, and would break what walks it. */
const MAX_DEPTH = 64;

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/**
 * The JSON of a registration or a change. Throws `RouterError`: `unsupported_encoding`, `invalid_json`, and
 * what reading throws.
 */
export async function readJson(request: Request, head: RequestHead): Promise<unknown> {
  const { contentType, contentEncoding } = head;
  // As InfiniLM-SVC has it.
  if (!JSON_TYPE.test(contentType ?? "")) {
    const received = contentType === undefined ? "none" : JSON.stringify(contentType.slice(0, 80));
    throw new RouterError(
      "unsupported_encoding",
      `content-type must be application/json, received ${received}`,
    );
  }
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== "identity") {
    throw new RouterError("unsupported_encoding", "the body must not be compressed");
  }
  const value = parsed(await bodyOf(request, head));
  if (value === undefined) {
    const message = `the body must be JSON in UTF-8, nested at most ${MAX_DEPTH} levels deep`;
    throw new RouterError("invalid_json", message);
  }
  return value;
}

/** The status that a heartbeat may bring. Anything else in its body is no reason to lose a service. */
export async function readStatus(
  request: Request,
  head: RequestHead,
): Promise<string | undefined> {
  const { status } = Object(parsed(await bodyOf(request, head)));
  return typeof status === "string" ? status : undefined;
}

function bodyOf(request: Request, head: RequestHead): Promise<Uint8Array<ArrayBuffer>> {
  return readSmallBody(request, { head, maxBytes: MAX_SERVICE_BYTES, timeoutMs: BODY_MS });
}

/** Undefined for what is no JSON in UTF-8, or nests too deep. */
function parsed(body: Uint8Array): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    return nestsDeeper(text, MAX_DEPTH) ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
