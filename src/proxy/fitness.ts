import { dialectOf } from "../engine/engines.ts";
import type { RouterError } from "../errors.ts";
import type { Backend } from "../registry/backend.ts";
import type { Call } from "./call.ts";

/** Which backends' engines can have one call at all. */
export class Fitness {
  /** Why the last one that cannot, cannot. */
  refusal: RouterError | undefined;
  readonly #call: Call;
  #looked: Map<Backend, boolean> | undefined;

  constructor(call: Call) {
    this.#call = call;
  }

  readonly fits = (backend: Backend): boolean => {
    const refuse = dialectOf(backend).refusal;
    if (refuse === undefined) return true;
    const known = this.#looked?.get(backend);
    if (known !== undefined) return known;
    const refusal = refuse(this.#call, backend.spec);
    this.refusal = refusal ?? this.refusal;
    (this.#looked ??= new Map()).set(backend, refusal === undefined);
    return refusal === undefined;
  };
}
