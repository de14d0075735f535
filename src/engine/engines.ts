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

/** What kind of engine tells such a model list. */
export function engineOf(cards: readonly ModelCard[]): EngineName {
  return cards.some(({ fields }) => fields["owned_by"] === "infinilm") ? "infinilm" : "openai";
}
