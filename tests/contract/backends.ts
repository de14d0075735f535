import { Backend, type BackendSpec, type Gate } from "../../src/registry/backend.ts";

/** A backend whose health the test decides. */
export interface TestBackend extends Backend {
  readonly gate: Gate & { healthy: boolean; records: unknown[] };
}

/** A healthy backend that serves `m`, unless the spec says otherwise. */
export function newBackend(
  name: string,
  spec: Partial<BackendSpec> = {},
  wallNow?: () => number,
): TestBackend {
  const gate = {
    healthy: true,
    records: [] as unknown[],
    record(outcome: unknown): void {
      this.records.push(outcome);
    },
  };
  return new Backend({
    name,
    url: `http://${name}:8000`,
    host: name,
    port: 8000,
    basePath: "",
    models: ["m"],
    weight: 1,
    maxInFlight: undefined,
    apiKey: undefined,
    ...spec,
  }, { createGate: () => gate, wallNow }) as TestBackend;
}
