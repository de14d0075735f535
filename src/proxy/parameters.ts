import type { ParameterCheck } from "../engine/endpoints.ts";
import { invalid, isObject, type JsonObject, own } from "../engine/json_object.ts";

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

/** The members of a body that are looked at. */
export const CHECKED: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "prompt",
  "sampling_params",
  ...RULES.map(([name]) => name),
]);

/**
 * Checks what the API promises and what would harm an engine; null counts as absent, unknown fields
 * pass. Throws `RouterError` (`invalid_parameter`) for the first thing wrong.
 */
export function checkParameters(body: JsonObject, check: ParameterCheck): void {
  if (check === "model_only" || check === "nothing") return;
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
