import type { ModelCard } from "../registry/model_card.ts";

/** Where engines list their models; the second is InfiniLM's older spelling. */
export const MODEL_PATHS = ["/v1/models", "/models"] as const;

/** No model's name is longer; what is, is not one, and would fill memory and logs. */
export const MAX_MODEL_CHARACTERS = 512;

/** No engine serves more; what comes behind is left out. */
const MAX_MODELS = 10_000;

/** The models in an engine's list, or `undefined` if the text is not one. */
export function readModelList(text: string): ModelCard[] | undefined {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return undefined;
  }
  const data = (list as { data?: unknown } | null)?.data;
  if (!Array.isArray(data)) return undefined;
  return data.map(readCard).filter((card) => card !== undefined).slice(0, MAX_MODELS);
}

function readCard(entry: unknown): ModelCard | undefined {
  const { id, ...fields } = (entry ?? {}) as Record<string, unknown>;
  if (typeof id !== "string" || id === "" || id.length > MAX_MODEL_CHARACTERS) return undefined;
  return { id, fields };
}
