import type { Policy } from "../registry/choice.ts";

/** Beyond so many models all memory of them is dropped: a sick backend may invent them. */
const MAX_MODELS = 10_000;

/**
 * A policy for each model, made when it is first needed, so that one model's turns do not move
 * another's.
 */
export function byModel(create: (model: string) => Policy): (model: string) => Policy {
  const policies = new Map<string, Policy>();
  return (model) => {
    let policy = policies.get(model);
    if (policy === undefined) {
      if (policies.size >= MAX_MODELS) policies.clear();
      policy = create(model);
      policies.set(model, policy);
    }
    return policy;
  };
}
