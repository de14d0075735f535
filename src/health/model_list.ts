import { engineOf } from "../engine/engines.ts";
import { MODEL_PATHS, readModelList } from "../engine/model_list.ts";
import type { Backend } from "../registry/backend.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import { Asker, type AskOptions } from "./asker.ts";

/**
 * Asks a backend what it serves, and says of it. Returns why that is not known, or undefined. One that tells
 * nothing keeps what it had told.
 */
export async function learnModels(
  backend: Backend,
  asker: Asker,
): Promise<string | undefined> {
  const found: string[] = [];
  for (const path of MODEL_PATHS) {
    try {
      const { status, headers, text } = await asker.get(path);
      const cards = status === 200 ? readModelList(text) : undefined;
      if (cards !== undefined) {
        backend.discovered(cards, engineOf(cards, headers));
        return cards.length > 0 ? undefined : `${path} lists no models`;
      }
      found.push(`${path} answered ${status === 200 ? "no model list" : status}`);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      found.push(`${path}: ${error.message}`);
    }
  }
  return found.join(", ");
}

/** Asks a backend whose models are known what it says of them; that it says nothing is no fault. */
export async function learnCards(backend: Backend, options: AskOptions): Promise<void> {
  using asker = new Asker(backend, options);
  await learnModels(backend, asker);
}
