import type { EngineName } from "../registry/backend.ts";
import type { ModelCard } from "../registry/model_card.ts";
import type { Dialect } from "./dialect.ts";
import { INFINILM } from "./infinilm.ts";
import { harmIn, tooDense } from "./infinilm_refusal.ts";
import { OPENAI } from "./openai.ts";

const DIALECTS: Readonly<Record<EngineName, Dialect>> = { openai: OPENAI, infinilm: INFINILM };

/** An engine that has not shown yet what it is: as OpenAI's, but nothing that would harm an InfiniLM. */
const UNKNOWN: Dialect = {
  ...OPENAI,
  refusal: ({ endpoint, json, dense }) => {
    if (endpoint.check === "nothing") return undefined;
    return dense ? tooDense() : harmIn(json());
  },
};

/** How a backend's engine is spoken to. */
export function dialectOf(
  { engine, engineUnknown }: { engine: EngineName; engineUnknown: boolean },
): Dialect {
  return engineUnknown ? UNKNOWN : DIALECTS[engine];
}

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
