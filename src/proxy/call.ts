import { isAscii } from "node:buffer";
import { concat } from "../concat.ts";
import type { Endpoint } from "../engine/endpoints.ts";
import type { Config } from "../config/config.ts";
import { dialectOf } from "../engine/engines.ts";
import { editJson } from "../engine/json_edit.ts";
import { invalid, isObject, type JsonObject, own } from "../engine/json_object.ts";
import { MAX_MODEL_CHARACTERS } from "../engine/model_list.ts";
import { RouterError } from "../errors.ts";
import type { Registry } from "../registry/registry.ts";
import type { Header } from "../upstream/response_head.ts";
import type { Cutoff } from "./cutoff.ts";
import { requestHeaders } from "./headers.ts";
import type { Hold } from "../admission/held_bytes.ts";
import { checkParameters } from "./parameters.ts";
import { nestsDeeper } from "./json_depth.ts";
import { JsonScanError, type ScannedMember } from "./json_scanner.ts";
import { LARGE_BYTES, type Outline, outlineOf, parseLarge } from "./large_body.ts";
import type { OneAtATime } from "./one_at_a_time.ts";
import { readBody, throwIfCut } from "./read_body.ts";
import type { RequestHead } from "./request_head.ts";

/** No request of a real client nests deeper; engines give up at about a thousand. */
const MAX_DEPTH = 256;

/** Below this even brackets alone are parsed within a few milliseconds. */
const SMALL_BODY_CHARACTERS = 64 * 1024;

/** What InfiniLM's own scripts call whatever model there is. */
const DEFAULT_MODEL = "default";

/** How soon a client may ask again while nothing is known of the backends. */
const NOT_YET_SECONDS = 5;

/** A byte order mark is kept, so that it is refused as engines might (RFC 8259, section 8.1). */
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Five times as fast as the strict one with ASCII, in which nothing can be wrong: 5 µs for 64 KB. */
const asciiDecoder = new TextDecoder();

/** One request to be routed, read and checked. Immutable. */
export interface Call {
  readonly requestId: string;
  readonly method: string;
  readonly endpoint: Endpoint;
  /** From the `?` on, or empty; passed on as it came. */
  readonly query: string;
  readonly model: string;
  /** Whether an event stream was asked for. */
  readonly stream: boolean;
  readonly bodyBytes: number;
  /** The body as it came, byte for byte. */
  readonly body: Uint8Array;
  /** The body, parsed; anew for whoever asks first, as few do. Not to be asked of one that is dense. */
  readonly json: () => JsonObject;
  /** Whether it has so many values that parsing it would hold up everybody. */
  readonly dense: boolean;
  readonly headers: readonly Header[];
}

export interface ReadCallOptions {
  requestId: string;
  routerId: string;
  endpoint: Endpoint;
  query: string;
  head: RequestHead;
  /** The peer's address. */
  client: string;
  registry: Registry;
  hold: Hold;
  largeBodies: OneAtATime;
  maxBody: number;
  cutoff: Cutoff;
  requests: Pick<Config["requests"], "validate" | "defaultModel">;
  compression: "identity" | "pass";
}

/** Reads and checks a request. Throws `RouterError` with what is wrong with it. */
export async function readCall(request: Request, options: ReadCallOptions): Promise<Call> {
  const { requestId, endpoint, query, head, registry, maxBody, cutoff, hold } = options;
  const headers = requestHeaders(head, options);
  const { validate, defaultModel } = options.requests;
  const foreign = endpoint.check === "nothing";
  if (!foreign) refuseEncodings(head);
  let body = await readBody(request, { maxBody, cutoff, hold, length: head.contentLength });
  const outline = body.length > LARGE_BYTES
    ? await outlined(body, { ...options, foreign })
    : undefined;
  const json = outline?.json ?? (foreign ? objectIn(body) : parseObject(body));
  if (validate) checkParameters(json, endpoint.check);
  const model = modelOf(json, { registry, defaultModel });
  if (own(json, "model") === DEFAULT_MODEL && model !== DEFAULT_MODEL) {
    body = outline?.model === undefined
      ? editJson(body, [{ path: ["model"], value: model }])
      : replaced(body, outline.model, model);
  }
  const dense = outline?.dense === true;
  let again = outline === undefined || dense || foreign || !isReadFor(model, registry)
    ? undefined
    : await parsed(body, options);
  return {
    requestId,
    method: request.method,
    endpoint,
    query,
    model,
    stream: own(json, "stream") === true,
    body,
    bodyBytes: body.length,
    json: () => again ??= foreign ? objectIn(body) : parseObject(body),
    dense,
    headers,
  };
}

/** What is in a large body, without holding up others. */
async function outlined(
  body: Uint8Array,
  { foreign, largeBodies, cutoff }: ReadCallOptions & { foreign: boolean },
): Promise<Outline> {
  const check = (): void => throwIfCut(cutoff);
  try {
    const work = (): Promise<Outline> => outlineOf(body, { maxDepth: MAX_DEPTH, check });
    return await largeBodies.run(work, cutoff) ?? over(cutoff);
  } catch (error) {
    if (!(error instanceof JsonScanError)) throw error;
    if (foreign) return { json: {}, model: undefined, dense: true };
    const message = `the body is not a JSON object: ${error.message}`;
    throw new RouterError("invalid_json", message, { cause: error });
  }
}

/** Whether an engine of the model has a dialect that reads bodies. */
function isReadFor(model: string, { backends }: Registry): boolean {
  return backends.some((backend) =>
    backend.serves(model) && dialectOf(backend).refusal !== undefined
  );
}

async function parsed(
  body: Uint8Array,
  { largeBodies, cutoff }: ReadCallOptions,
): Promise<JsonObject> {
  const work = (): Promise<JsonObject> => parseLarge(body, { check: () => throwIfCut(cutoff) });
  return await largeBodies.run(work, cutoff) ?? over(cutoff);
}

/** Throws why a call is over. */
function over(cutoff: Cutoff): never {
  throwIfCut(cutoff);
  throw new RouterError("internal", "a large body was not read");
}

/** A body with another model. */
function replaced(body: Uint8Array, { start, end }: ScannedMember, model: string): Uint8Array {
  const name = new TextEncoder().encode(JSON.stringify(model));
  return concat([body.subarray(0, start), name, body.subarray(end)]);
}

/** The body is read as plain JSON whatever `content-type` says; what cannot be that is refused. */
function refuseEncodings({ contentEncoding, contentType }: RequestHead): void {
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== "identity") {
    throw new RouterError(
      "unsupported_encoding",
      `content-encoding must be absent or identity, received ${JSON.stringify(contentEncoding)}`,
      { headers: { "accept-encoding": "identity" } },
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

/** A body that may be anything: nothing is read of one that is no JSON object. */
function objectIn(body: Uint8Array): JsonObject {
  try {
    return parseObject(body);
  } catch (error) {
    if (error instanceof RouterError) return {};
    throw error;
  }
}

function modelOf(
  json: JsonObject,
  { registry, defaultModel }: { registry: Registry; defaultModel: string | undefined },
): string {
  const model = own(json, "model");
  const isDefault = model === DEFAULT_MODEL && !registry.knownModels.has(DEFAULT_MODEL);
  if (model === undefined || isDefault) {
    if (defaultModel !== undefined) return defaultModel;
    const [only, ...others] = registry.knownModels;
    if (only !== undefined && others.length === 0) return only;
    const what = isDefault ? "model is 'default'" : "model is missing";
    if (only === undefined) {
      const message = `${what}, and no backend has said yet what it serves`;
      throw new RouterError("no_healthy_backend", message, { retryAfter: NOT_YET_SECONDS });
    }
    throw new RouterError(
      "model_required",
      `${what}, and ${others.length + 1} are served`,
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
