import { Buffer } from "node:buffer";
import { RouterError } from "../errors.ts";
import type { CacheType } from "../registry/backend.ts";
import { invalid, isObject, type JsonObject, own } from "./json_object.ts";

/**
 * Bytes that one token has at most in any text that people write: a prompt with more for each token of the
 * engine's memory cannot fit. Chinese and English have four to five.
 */
const BYTES_PER_TOKEN = 8;

export interface RefusalOptions {
  completion: boolean;
  /** Tokens that a prompt and its answer may have. */
  maxContext: number | undefined;
  cacheType: CacheType | undefined;
}

/** Why the engine must not, or cannot, have a body. */
export function refusalOf(
  json: JsonObject,
  { completion, maxContext, cacheType }: RefusalOptions,
): RouterError | undefined {
  return harmIn(json) ?? (completion ? completionRefusal(json) : promptRefusal(json)) ??
    (maxContext === undefined ? undefined : contextRefusal(json, { maxContext, cacheType }));
}

/** Why it must not have a body that nobody can look through. */
export function tooDense(): RouterError {
  const message = "InfiniLM is given no body above 1 MiB with more than 100000 values";
  return new RouterError("body_too_large", message);
}

/** What would harm an engine: end it, hold it up for ever, or have it open its own files. */
export function harmIn(json: JsonObject): RouterError | undefined {
  return limitRefusal(json) ?? stopRefusal(json) ?? fileRefusal(json);
}

/** What each place may say of a parameter that the engine reads in two. */
function* bothPlaces(json: JsonObject, name: string): Generator<[param: string, value: unknown]> {
  yield [name, own(json, name)];
  const nested = own(json, "sampling_params");
  if (isObject(nested)) yield [`sampling_params.${name}`, own(nested, name)];
}

/** Anything else in `stop` ends the engine's step thread, and with it the engine. */
function stopRefusal(json: JsonObject): RouterError | undefined {
  for (const [param, value] of bothPlaces(json, "stop")) {
    const harmless = value === undefined || typeof value === "string" ||
      (Array.isArray(value) && value.every((item) => typeof item === "string"));
    if (!harmless) return invalid(param, "a string or a list of strings", value);
  }
  return undefined;
}

/**
 * 0, or what Python makes a 0 of, means no limit there, which can end the engine; less gives one token and no text.
 */
function limitRefusal(json: JsonObject): RouterError | undefined {
  const places = [
    ...bothPlaces(json, "max_tokens"),
    ["max_completion_tokens", own(json, "max_completion_tokens")] as const,
  ];
  for (const [param, value] of places) {
    // Python's `int()` reads texts in many ways, "０" and "0_0" among them.
    if (typeof value === "string" || (pythonInt(value) ?? 1) < 1) {
      return invalid(param, "an integer of at least 1 (InfiniLM takes 0 for no limit)", value);
    }
  }
  return undefined;
}

/** What Python's `int()` makes of a value that is no text; undefined if it takes it for none. */
function pythonInt(value: unknown): number | undefined {
  if (typeof value === "boolean") return Number(value);
  return typeof value === "number" ? Math.trunc(value) + 0 : undefined; // no -0
}

/** Where there are no messages the engine takes the prompt for a message's content, whatever it is. */
function promptRefusal(json: JsonObject): RouterError | undefined {
  const prompt = own(json, "prompt");
  const taken = !hasMessages(json) && prompt !== undefined && typeof prompt !== "string";
  return taken ? invalid("prompt", "a text", prompt) : undefined;
}

function hasMessages(json: JsonObject): boolean {
  const messages = own(json, "messages");
  return messages !== undefined && !(Array.isArray(messages) && messages.length === 0);
}

/** The engine opens what is neither `data:` nor a network address as a file of its own machine. */
function fileRefusal(json: JsonObject): RouterError | undefined {
  const messages = own(json, "messages");
  if (!Array.isArray(messages)) return undefined;
  for (const [index, message] of messages.entries()) {
    const parts = isObject(message) ? own(message, "content") : undefined;
    if (!Array.isArray(parts)) continue;
    for (const [at, part] of parts.entries()) {
      const place = isObject(part) ? badAddress(part) : undefined;
      if (place === undefined) continue;
      const param = `messages[${index}].content[${at}].${place.param}`;
      return invalid(param, "a data: or an http(s): address", place.value);
    }
  }
  return undefined;
}

const MEDIA = ["image_url", "video_url", "audio_url", "image", "video", "audio"];

function badAddress(part: JsonObject): { param: string; value: unknown } | undefined {
  for (const name of MEDIA) {
    const media = own(part, name);
    const value = isObject(media) ? own(media, "url") : media;
    if (value === undefined) continue;
    if (typeof value === "string" && /^(?:data|https?):/i.test(value)) continue;
    return { param: isObject(media) ? `${name}.url` : name, value };
  }
  return undefined;
}

/** What the engine's chat route cannot give. */
function completionRefusal(json: JsonObject): RouterError | undefined {
  const lacks = (param: string, what: string): RouterError =>
    new RouterError(
      "unsupported_parameter",
      `InfiniLM's completions are made of its chat, which ${what}`,
      {
        param,
      },
    );
  const prompt = own(json, "prompt");
  const texts = Array.isArray(prompt) ? prompt : [prompt];
  if (texts.length === 0 || texts.includes("")) {
    return invalid("prompt", "a text of at least one character", prompt);
  }
  if (!texts.every((text) => typeof text === "string")) {
    return lacks("prompt", "takes text alone, no tokens");
  }
  if (texts.length > 1) return lacks("prompt", "takes one prompt at a time");
  if (own(json, "messages") !== undefined) {
    return lacks("messages", "takes a prompt or messages, not both");
  }
  if (own(json, "echo") === true) return lacks("echo", "does not repeat the prompt");
  if ((own(json, "suffix") ?? "") !== "") return lacks("suffix", "inserts nothing before a suffix");
  if ((own(json, "logprobs") ?? false) !== false) {
    return lacks("logprobs", "tells no probabilities");
  }
  if ((own(json, "n") ?? 1) !== 1) return lacks("n", "gives one answer");
  if ((own(json, "best_of") ?? 1) !== 1) return lacks("best_of", "gives one answer");
  return undefined;
}

/**
 * Such a call would wait for ever: a paged engine neither serves nor refuses it. A static one stops where its
 * cache ends, or answers nothing.
 */
function contextRefusal(
  json: JsonObject,
  { maxContext, cacheType }: Pick<RefusalOptions, "cacheType"> & { maxContext: number },
): RouterError | undefined {
  const nested = own(json, "sampling_params");
  const asked = own(json, "max_completion_tokens") ?? own(json, "max_tokens") ??
    (isObject(nested) ? own(nested, "max_tokens") : undefined);
  const answer = cacheType === "static" ? 1 : Math.max(pythonInt(asked) ?? 1, 1);
  const room = Math.max(0, maxContext - answer);
  const bytes = promptBytes(json);
  if (bytes <= room * BYTES_PER_TOKEN && room > 0) return undefined;
  const param = own(json, "messages") === undefined ? "prompt" : "messages";
  return new RouterError(
    "context_length_exceeded",
    `the prompt of ${bytes} bytes and ${answer} tokens of answer cannot fit into ${maxContext} tokens`,
    { param: room === 0 ? "max_tokens" : param },
  );
}

/** Of all text in a prompt, whatever its shape. */
function promptBytes(json: JsonObject): number {
  const messages = own(json, "messages");
  if (!Array.isArray(messages) || messages.length === 0) return textBytes(own(json, "prompt"));
  let sum = 0;
  for (const message of messages) {
    const content = isObject(message) ? own(message, "content") : undefined;
    for (const part of Array.isArray(content) ? content : [content]) {
      sum += textBytes(isObject(part) ? own(part, "text") : part);
    }
  }
  return sum;
}

function textBytes(value: unknown): number {
  const texts = Array.isArray(value) ? value : [value];
  return texts.reduce(
    (most, text) => Math.max(most, typeof text === "string" ? Buffer.byteLength(text) : 0),
    0,
  );
}
