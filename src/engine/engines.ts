import type { EngineName } from "../registry/backend.ts";
import type { ModelCard } from "../registry/model_card.ts";
import type { Dialect } from "./dialect.ts";
import { INFINILM } from "./infinilm.ts";
import { OPENAI } from "./openai.ts";

/** How each kind of engine is spoken to. */
export const DIALECTS: Readonly<Record<EngineName, Dialect>> = {
  openai: OPENAI,
  infinilm: INFINILM,
};

/** Who tells a list if it comes from a router like this one, which speaks OpenAI's API whatever stands behind it. */
const TELLER = "x-infinilm-service";

/** What kind of engine tells such a model list, with these headers. */
export function engineOf(
  cards: readonly ModelCard[],
  headers: readonly (readonly [name: string, value: string])[],
): EngineName {
  if (headers.some(([name]) => name === TELLER)) return "openai";
  return cards.some(({ fields }) => fields["owned_by"] === "infinilm") ? "infinilm" : "openai";
}
