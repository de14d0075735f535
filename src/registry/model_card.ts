import { isDeepStrictEqual } from "node:util";

/** What a backend says of a model that it serves. */
export interface ModelCard {
  readonly id: string;
  /** Everything else in its words: `max_model_len`, `owned_by`, `root`, … */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Limits: what can be relied on wherever a call goes is the least of them. */
const LIMITS: ReadonlySet<string> = new Set([
  "max_model_len",
  "context_length",
  "context_window",
  "max_context_length",
  "max_completion_tokens",
  "max_output_tokens",
]);

/**
 * What all cards of one model say alike. Where limits differ, or only some say one, it is the least.
 */
export function agreed(cards: readonly ModelCard[]): Record<string, unknown> {
  const all: Record<string, unknown> = Object.create(null);
  const [first, ...others] = cards.map(({ fields }) => fields);
  for (const [name, value] of Object.entries(first ?? {})) {
    const alike = others.every((fields) =>
      Object.hasOwn(fields, name) && isDeepStrictEqual(fields[name], value)
    );
    if (alike) all[name] = value;
  }
  for (const name of LIMITS) {
    const told = cards.map(({ fields }) => fields[name]).filter((value) =>
      typeof value === "number"
    );
    if (told.length > 0) all[name] = Math.min(...told);
  }
  return all;
}
