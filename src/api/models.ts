import { RouterError } from "../errors.ts";
import type { ModelEntry, Registry } from "../registry/registry.ts";
import { jsonResponse } from "./json.ts";

/**
 * A model in OpenAI's form, with what its backends agree on. `root` is not in OpenAI's API, but vLLM's
 * benchmark client cannot do without it.
 */
function card({ id, created, fields }: ModelEntry): Record<string, unknown> {
  const ours = { id, object: "model", created };
  return { ...ours, owned_by: "infinilm-router", root: id, ...fields, ...ours };
}

/** `GET /models`: what healthy backends serve. */
export function modelsResponse(registry: Registry): Response {
  return jsonResponse({ object: "list", data: registry.models().map(card) });
}

/** `GET /models/{id}`; `encodedId` is the rest of the path, as ids contain slashes. */
export function modelResponse(registry: Registry, encodedId: string): Response {
  let id: string;
  try {
    id = decodeURIComponent(encodedId);
  } catch {
    throw new RouterError("bad_request", "the model id in the path is not valid percent-encoding");
  }
  const entry = registry.models().find((model) => model.id === id);
  if (entry === undefined) {
    throw new RouterError("not_found", `no healthy service serves model '${id}'`, {
      param: "model",
    });
  }
  return jsonResponse(card(entry));
}
