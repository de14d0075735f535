import { isAscii } from "node:buffer";
import type { Endpoint } from "../engine/endpoints.ts";
import { invalid, isObject, type JsonObject, own } from "../engine/json_object.ts";
import { MAX_MODEL_CHARACTERS } from "../engine/model_list.ts";
import { RouterError } from "../errors.ts";
import type { Registry } from "../registry/registry.ts";
import type { Header } from "../upstream/response_head.ts";
import type { Cutoff } from "./cutoff.ts";
import { requestHeaders } from "./headers.ts";
import type { Hold } from "./held_bytes.ts";
import { checkParameters } from "./parameters.ts";
import { nestsDeeper } from "./json_depth.ts";
import { readBody } from "./read_body.ts";
import type { RequestHead } from "./request_head.ts";

/** No request of a real client nests deeper; engines give up at about a thousand. */
const MAX_DEPTH = 256;

/** Below this even brackets alone are parsed within a few milliseconds. */
const SMALL_BODY_CHARACTERS = 64 * 1024;

/** How soon a client may ask again while nothing is known of the backends. */
const NOT_YET_SECONDS = 5;

/** A byte order mark is kept, so that it is refused as engines might (RFC 8259, section 8.1). */
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Five times as fast as the strict one with ASCII, in which nothing can be wrong: 5 µs for 64 KB. */
const asciiDecoder = new TextDecoder();

/** One request to be routed, read and checked. Immutable. */
export interface Call {
  readonly requestId: string;
  readonly endpoint: Endpoint;
  /** From the `?` on, or empty; passed on as it came. */
  readonly query: string;
  readonly model: string;
  /** Whether an event stream was asked for. */
  readonly stream: boolean;
  /** The body as it came, byte for byte. */
  readonly body: Uint8Array;
  /** The body, parsed; anew for whoever asks first, as few do. */
  readonly json: () => JsonObject;
  readonly headers: readonly Header[];
}

export interface ReadCallOptions {
  requestId: string;
  endpoint: Endpoint;
  query: string;
  head: RequestHead;
  /** The peer's address. */
  client: string;
  registry: Registry;
  hold: Hold;
  maxBody: number;
  cutoff: Cutoff;
  validate: boolean;
  compression: "identity" | "pass";
}

/** Reads and checks a request. Throws `RouterError` with what is wrong with it. */
export async function readCall(request: Request, options: ReadCallOptions): Promise<Call> {
  const { requestId, endpoint, query, head, registry, maxBody, cutoff, hold } = options;
  const headers = requestHeaders(head, options);
  refuseEncodings(head);
  const body = await readBody(request, { maxBody, cutoff, hold, length: head.contentLength });
  const json = parseObject(body);
  if (options.validate) checkParameters(json, endpoint.check);
  let again: JsonObject | undefined;
  return {
    requestId,
    endpoint,
    query,
    model: modelOf(json, registry),
    stream: own(json, "stream") === true,
    body,
    json: () => again ??= parseObject(body),
    headers,
  };
}

/** The body is read as plain JSON whatever `content-type` says; what cannot be that is refused. */
function refuseEncodings({ contentEncoding, contentType }: RequestHead): void {
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== "identity") {
    throw new RouterError(
      "unsupported_encoding",
      `content-encoding must be absent or identity, received ${JSON.stringify(contentEncoding)}`,
    );
  }
  if (contentType !== undefined && /^multipart\//i.test(contentType)) {
    throw new RouterError("unsupported_encoding", "the body must be JSON, received multipart");
  }
}

function parseObject(body: Uint8Array): JsonObject {
  let value: unknown;
  try {
    const text = (isAscii(body) ? asciiDecoder : strictDecoder).decode(body);
    if (text.length > SMALL_BODY_CHARACTERS && nestsDeeper(text, MAX_DEPTH)) {
      throw new RouterError("invalid_json", `the body nests deeper than ${MAX_DEPTH} levels`);
    }
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof RouterError) throw error;
    const reason = error instanceof SyntaxError ? error.message : "not valid UTF-8";
    throw new RouterError("invalid_json", `the body is not valid JSON: ${reason.slice(0, 200)}`);
  }
  if (!isObject(value)) {
    const found = value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
    throw new RouterError("invalid_json", `the body must be a JSON object, received ${found}`);
  }
  return value;
}

function modelOf(json: JsonObject, registry: Registry): string {
  const model = own(json, "model");
  if (model === undefined) {
    const [only, ...others] = registry.knownModels;
    if (only !== undefined && others.length === 0) return only;
    if (only === undefined) {
      const message = "model is missing, and no backend has said yet what it serves";
      throw new RouterError("no_healthy_backend", message, { retryAfter: NOT_YET_SECONDS });
    }
    throw new RouterError(
      "model_required",
      `model is missing, and ${others.length + 1} are served`,
      {
        param: "model",
      },
    );
  }
  if (typeof model !== "string" || model === "" || model.length > MAX_MODEL_CHARACTERS) {
    throw invalid("model", `a string of 1 to ${MAX_MODEL_CHARACTERS} characters`, model);
  }
  return model;
}
