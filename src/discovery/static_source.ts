import { Backend, type BackendSpec, type Gate } from "../registry/backend.ts";
import type { Registry } from "../registry/registry.ts";

/** Puts the backends that the configuration lists into the registry. */
export function applyStatic(
  registry: Registry,
  { specs, createGate }: { specs: readonly BackendSpec[]; createGate: (backend: Backend) => Gate },
): void {
  registry.apply(specs.map((spec) => new Backend(spec, { createGate })));
}
