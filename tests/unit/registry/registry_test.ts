import { assertEquals } from "@std/assert";
import type { Backend } from "../../../src/registry/backend.ts";
import { Registry } from "../../../src/registry/registry.ts";
import { newBackend } from "../../contract/backends.ts";

function first(candidates: readonly Backend[]): Backend {
  return candidates[0]!;
}

function registryOf(...backends: Backend[]): Registry {
  const registry = new Registry(() => 0);
  registry.apply(backends);
  return registry;
}

/** The names that a call for `model` could go to. */
function candidates(registry: Registry, model: string, excluded?: ReadonlySet<Backend>): string[] {
  let names: string[] = [];
  registry.acquire(model, {
    excluded,
    choose: (all) => {
      names = all.map(({ name }) => name);
      return all[0]!;
    },
  });
  return names;
}

Deno.test("Registry counts a call in the same tick as its pick, so that the next pick sees it", () => {
  const registry = registryOf(
    newBackend("a", { maxInFlight: 1 }),
    newBackend("b", { maxInFlight: 1 }),
  );
  const picked = [1, 2, 3].map(() => registry.acquire("m", { choose: first }));
  assertEquals(picked.map((lease) => lease?.backend.name), ["a", "b", undefined]);
  assertEquals(registry.backends.map(({ inFlight }) => inFlight), [1, 1]);
  picked[0]!.settle({ kind: "completed", status: 200 });
  assertEquals(registry.acquire("m", { choose: first })?.backend.name, "a");
});

Deno.test("Registry offers those that serve the model, are healthy, have room and weight, and are not excluded, in their order", () => {
  const sick = newBackend("sick");
  sick.gate.healthy = false;
  const full = newBackend("full", { maxInFlight: 2 });
  full.inFlight = 2;
  const tried = newBackend("tried");
  const backends = [
    newBackend("z"),
    newBackend("other", { models: ["n"] }),
    newBackend("unknown", { models: undefined }),
    newBackend("none", { models: [] }),
    newBackend("weightless", { weight: 0 }),
    sick,
    full,
    tried,
    newBackend("a", { models: ["n", "m"] }),
  ];
  assertEquals(candidates(registryOf(...backends), "m", new Set([tried])), ["z", "a"]);
});

Deno.test("Registry asks nobody to choose among none", () => {
  const registry = registryOf(newBackend("a"));
  const choose = (): Backend => {
    throw new Error("asked");
  };
  assertEquals(registry.acquire("unknown", { choose }), undefined);
  assertEquals(new Registry().acquire("m", { choose }), undefined);
});

Deno.test("Registry knows why a model has no backend to give", () => {
  const full = newBackend("full", { maxInFlight: 1 });
  full.inFlight = 1;
  const sick = newBackend("sick", { models: ["m", "n"] });
  sick.gate.healthy = false;
  const weightless = newBackend("weightless", { models: ["w"], weight: 0 });
  const registry = registryOf(full, sick, weightless);
  const shortages = ["m", "n", "w", "x", "__proto__"].map((model) => registry.shortage(model));
  assertEquals(shortages, ["full", "unhealthy", "unhealthy", "unknown_model", "unknown_model"]);
});

Deno.test("Registry knows every model that a backend has named, also of one that is unhealthy", () => {
  const sick = newBackend("sick", { models: ["m", "n"] });
  sick.gate.healthy = false;
  const silent = newBackend("silent", { models: undefined });
  const registry = registryOf(newBackend("well", { models: ["m"] }), sick, silent);
  assertEquals([...registry.knownModels], ["m", "n"]);
  assertEquals([...registryOf(silent).knownModels], []);
});

Deno.test("Registry lists the models of healthy backends once each, by id, with when each was first seen anywhere", () => {
  let now = 1_700_000_000_999;
  const wallNow = (): number => now;
  const a = newBackend("a", { models: ["z", "m"] }, wallNow);
  now += 5000;
  const b = newBackend("b", { models: ["m", "B"] }, wallNow);
  const sick = newBackend("sick", { models: ["s"] }, wallNow);
  sick.gate.healthy = false;
  const registry = registryOf(b, a, sick);
  assertEquals(registry.models(), [
    { id: "B", created: 1_700_000_005 },
    { id: "m", created: 1_700_000_000 },
    { id: "z", created: 1_700_000_000 },
  ]);
  a.gate.healthy = false;
  assertEquals(registry.models().map(({ id, created }) => [id, created]), [
    ["B", 1_700_000_005],
    ["m", 1_700_000_000],
  ]);
});

Deno.test("Registry waits for the models of backends that have not said them", () => {
  const silent = newBackend("silent", { models: undefined });
  const registry = registryOf(newBackend("a"), silent);
  assertEquals(registry.modelsPending, true);
  silent.discovered([]);
  assertEquals(registry.modelsPending, false);
});
