import { Backend, type BackendSpec } from "../../src/registry/backend.ts";
import type { Choice, PickKeys, Policy } from "../../src/registry/choice.ts";
import type { Admission, Gate, Observed } from "../../src/registry/gate.ts";
import type { ModelCard } from "../../src/registry/model_card.ts";
import type { LocalLoad } from "../../src/registry/load.ts";

/** A gate whose health the test decides, and which remembers what it was told. */
export class TestGate implements Gate {
  healthy = true;
  /** What it says of who may have a call; undefined: what its health says. */
  admission: Admission | undefined;
  readonly records: unknown[] = [];
  readonly facts: unknown[] = [];
  begun = 0;

  get observed(): Observed {
    return { healthy: this.healthy, cause: this.healthy ? "" : "sick", since: 0 };
  }

  admits(): Admission {
    return this.admission ?? (this.healthy ? "open" : "shut");
  }

  begin(): void {
    this.begun++;
  }

  record(outcome: unknown, facts: unknown): void {
    this.records.push(outcome);
    this.facts.push(facts);
  }
}

/** A backend whose health the test decides. */
export interface TestBackend extends Backend {
  readonly gate: TestGate;
  readonly load: LocalLoad;
}

/** What a test says of a backend; the rest is that of a healthy one that serves `m`. */
export function newSpec(name: string, spec: Partial<BackendSpec> = {}): BackendSpec {
  return {
    name,
    url: `http://${name}:8000`,
    host: name,
    port: 8000,
    basePath: "",
    models: ["m"],
    weight: 1,
    maxInFlight: undefined,
    apiKey: undefined,
    engine: "auto",
    strict: false,
    streamUpstream: false,
    cacheType: undefined,
    maxContext: undefined,
    metadata: undefined,
    leaving: false,
    ...spec,
  };
}

/** A healthy backend that serves `m`, unless the spec says otherwise. */
export function newBackend(
  name: string,
  spec: Partial<BackendSpec> = {},
  wallNow?: () => number,
): TestBackend {
  const createGate = (): Gate => new TestGate();
  return new Backend(newSpec(name, spec), { createGate, wallNow }) as TestBackend;
}

/** Cards that say nothing but which models there are. */
export function cards(...ids: string[]): ModelCard[] {
  return ids.map((id) => ({ id, fields: {} }));
}

/** What a policy knows of a call. */
export function keysOf(model: string, bodyBytes = 0): PickKeys {
  return { model, bodyBytes, stream: false };
}

/** A policy that chooses by this function. */
export function policyOf(choose: (candidates: readonly Backend[]) => Backend): Policy {
  return { choose: (candidates): Choice => ({ backend: choose(candidates), why: "test" }) };
}
