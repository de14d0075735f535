import type { JsonEdit, JsonPath } from "./json_edit.ts";
import { isObject, type JsonObject, own } from "./json_object.ts";

/** What the engine reads of a body, and what changes nothing in an answer. */
const NOT_IGNORED: ReadonlySet<string> = new Set([
  "add_generation_prompt",
  "kv_transfer_params",
  "max_completion_tokens",
  "max_tokens",
  "messages",
  "model",
  "prompt",
  "sampling_params",
  "stop",
  "stream",
  "stream_options",
  // about the call, not about its answer
  "metadata",
  "prompt_cache_key",
  "safety_identifier",
  "service_tier",
  "store",
  "user",
]);

/** What it reads inside `sampling_params`. */
const NOT_IGNORED_NESTED: ReadonlySet<string> = new Set(["max_tokens", "stop"]);

/** Values that ask for what happens anyway. */
const NO_WISH: Readonly<Record<string, (value: unknown) => boolean>> = {
  best_of: (value) => value === 1,
  chat_template_kwargs: isEmpty,
  echo: (value) => value === false,
  frequency_penalty: (value) => value === 0,
  logit_bias: isEmpty,
  logprobs: (value) => value === false,
  n: (value) => value === 1,
  presence_penalty: (value) => value === 0,
  repetition_penalty: (value) => value === 1,
  response_format: (value) => isObject(value) && value["type"] === "text",
  suffix: (value) => value === "",
  tool_choice: (value) => value === "none" || value === "auto",
  tools: isEmpty,
  top_logprobs: (value) => value === 0,
};

/** No header is to be filled by one strange call. */
const MAX_NAMED = 32;
/** What can stand in a header. */
const NAME = /^[\w.-]{1,64}$/;

/** The parameters of a body that ask for something and that the engine will not look at. */
export function ignoredIn(json: JsonObject): string[] {
  const names = wishes(json, NOT_IGNORED);
  const nested = own(json, "sampling_params");
  if (isObject(nested)) {
    names.push(...wishes(nested, NOT_IGNORED_NESTED).map((name) => `sampling_params.${name}`));
  }
  const options = own(json, "stream_options");
  if (isObject(options) && own(options, "include_usage") === true) {
    names.push("stream_options.include_usage");
  }
  return names.filter((name) => NAME.test(name)).slice(0, MAX_NAMED);
}

function wishes(json: JsonObject, read: ReadonlySet<string>): string[] {
  return Object.keys(json).filter((name) => {
    const value = own(json, name);
    if (value === undefined || read.has(name)) return false;
    return !(Object.hasOwn(NO_WISH, name) && NO_WISH[name]!(value));
  });
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** What must be changed for the engine to understand a body. `join`: it is to be asked for a stream. */
export function editsOf(json: JsonObject, { join }: { join: boolean }): JsonEdit[] {
  const edits: JsonEdit[] = [];
  const limit = own(json, "max_completion_tokens");
  if (limit !== undefined) {
    edits.push(
      Object.hasOwn(json, "max_tokens")
        ? { path: ["max_tokens"], value: limit }
        : { path: ["max_completion_tokens"], name: "max_tokens" },
    );
  }
  edits.push(...emptyStops(json, []));
  const nested = own(json, "sampling_params");
  if (isObject(nested)) edits.push(...emptyStops(nested, ["sampling_params"]));
  const prompt = own(json, "prompt");
  if (Array.isArray(prompt) && prompt.length === 1) {
    edits.push({ path: ["prompt"], value: prompt[0] });
  }
  const messages = own(json, "messages");
  if (Array.isArray(messages)) edits.push(...messages.flatMap(joinedTexts));
  if (join) edits.push({ path: ["stream"], value: true });
  return edits;
}

/** An empty text in `stop` ends an answer there before it begins; others do not look at it. */
function emptyStops(json: JsonObject, path: JsonPath): JsonEdit[] {
  const stop = own(json, "stop");
  const stops = Array.isArray(stop) ? stop : [stop];
  if (!stops.includes("")) return [];
  const left = stops.filter((text) => text !== "");
  return [{ path: [...path, "stop"], value: left.length > 0 ? left : null }];
}

/** The engine takes one text part in a message; several are lines of one. */
function joinedTexts(message: unknown, index: number): JsonEdit[] {
  const parts = isObject(message) ? own(message, "content") : undefined;
  if (!Array.isArray(parts) || parts.length < 2) return [];
  const texts = parts.map((part: unknown) =>
    isObject(part) && own(part, "type") === "text" ? own(part, "text") : undefined
  );
  if (!texts.every((text) => typeof text === "string")) return [];
  const value = [{ type: "text", text: texts.join("\n") }];
  return [{ path: ["messages", index, "content"], value }];
}
