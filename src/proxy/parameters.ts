import type { ParameterCheck } from "../engine/endpoints.ts";
import { RouterError } from "../errors.ts";

/** A parsed JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

interface Rule {
  readonly wanted: string;
  readonly ok: (value: unknown) => boolean;
}

function between(low: number, high: number): Rule {
  return {
    wanted: `a number from ${low} to ${high}`,
    ok: (value) => typeof value === "number" && value >= low && value <= high,
  };
}

const MAX_TOKENS: Rule = {
  wanted: "an integer of at least 1",
  ok: (value) => Number.isInteger(value) && (value as number) >= 1,
};

/** Anything else in `stop` ends a current InfiniLM engine for good. */
const STOP: Rule = {
  wanted: "a string or a list of strings",
  ok: (value) =>
    typeof value === "string" ||
    (Array.isArray(value) && value.every((item) => typeof item === "string")),
};

const RULES: readonly (readonly [name: string, rule: Rule])[] = Object.entries({
  temperature: between(0, 2),
  top_p: between(0, 1),
  top_k: { wanted: "an integer", ok: Number.isInteger },
  max_tokens: MAX_TOKENS,
  repetition_penalty: between(0, 2),
  stream: { wanted: "true or false", ok: (value) => typeof value === "boolean" },
  chat_template_kwargs: { wanted: "an object", ok: isObject },
  stop: STOP,
});

/** Parameters that InfiniLM also reads inside `sampling_params`. */
const NESTED_RULES: typeof RULES = [["max_tokens", MAX_TOKENS], ["stop", STOP]];

/**
 * Checks what the API promises and what would harm an engine; null counts as absent, unknown fields
 * pass. Throws `RouterError` (`invalid_parameter`) for the first thing wrong.
 */
export function checkParameters(body: JsonObject, check: ParameterCheck): void {
  if (check === "model_only") return;
  checkRules(body, RULES);
  const nested = own(body, "sampling_params");
  if (isObject(nested)) checkRules(nested, NESTED_RULES, "sampling_params.");
  if (check === "chat") {
    const messages = own(body, "messages");
    if (!Array.isArray(messages) || messages.length === 0) {
      throw invalid("messages", "a non-empty array", messages);
    }
  } else if (own(body, "prompt") === undefined) {
    throw invalid("prompt", "present", undefined);
  }
}

function checkRules(body: JsonObject, rules: typeof RULES, prefix = ""): void {
  for (const [name, { wanted, ok }] of rules) {
    const value = own(body, name);
    if (value !== undefined && !ok(value)) throw invalid(prefix + name, wanted, value);
  }
}

/** A field of the body itself, never of its prototype; null is absent. */
export function own(body: JsonObject, name: string): unknown {
  return Object.hasOwn(body, name) ? body[name] ?? undefined : undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An error that names the field, what is wanted and what came, cut short. */
export function invalid(param: string, wanted: string, received: unknown): RouterError {
  const message = `${param} must be ${wanted}, received ${shown(received)}`;
  return new RouterError("invalid_parameter", message, { param });
}

/** A text is shown up to so many characters. */
const SHOWN_CHARACTERS = 60;

/** What came, in bounded work: one value can be as large as a whole body. */
function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return arrayOf(value.length);
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value !== "string") return String(value);
  const text = JSON.stringify(value.slice(0, SHOWN_CHARACTERS));
  if (text.length <= SHOWN_CHARACTERS) return text;
  return `${text.slice(0, SHOWN_CHARACTERS).replace(HALF_A_PAIR, "")}…`;
}

const HALF_A_PAIR = /[\ud800-\udbff]$/;

function arrayOf(count: number): string {
  return count === 0 ? "an empty array" : `an array of ${count} ${count === 1 ? "item" : "items"}`;
}
