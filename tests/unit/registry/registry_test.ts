import { assertEquals } from "@std/assert";
import type { Backend } from "../../../src/registry/backend.ts";
import { Registry } from "../../../src/registry/registry.ts";
import type { Lease } from "../../../src/registry/lease.ts";
import { cards, keysOf, newBackend, policyOf } from "../../contract/backends.ts";

const FIRST = policyOf((candidates) => candidates.find((backend) => !backend.full)!);

/** The name of who was given the call, or why nobody was. */
function given(found: Lease | string): string {
  return typeof found === "string" ? found : found.backend.name;
}

function registryOf(...backends: Backend[]): Registry {
  const registry = new Registry(() => 0);
  registry.apply(backends);
  return registry;
}

/** The names that a call for `model` could go to. */
function candidates(registry: Registry, model: string, excluded?: ReadonlySet<Backend>): string[] {
  let names: string[] = [];
  const policy = policyOf((all) => {
    names = all.map(({ name }) => name);
    return all[0]!;
  });
  registry.acquire(keysOf(model), { policy, excluded });
  return names;
}

Deno.test("Registry counts a call in the same tick as its pick, so that the next pick sees it", () => {
  const registry = registryOf(
    newBackend("a", { maxInFlight: 1 }),
    newBackend("b", { maxInFlight: 1 }),
  );
  const picked = [1, 2, 3].map(() => registry.acquire(keysOf("m"), { policy: FIRST }));
  assertEquals(picked.map(given), ["a", "b", "full"]);
  assertEquals(registry.backends.map(({ inFlight }) => inFlight), [1, 1]);
  (picked[0] as Lease).settle({ kind: "completed", status: 200 });
  assertEquals(given(registry.acquire(keysOf("m"), { policy: FIRST })), "a");
});

Deno.test("Registry offers those that serve the model, are let in and wanted, and are not excluded, in their order, full ones too", () => {
  const sick = newBackend("sick");
  sick.gate.healthy = false;
  const full = newBackend("full", { maxInFlight: 2 });
  full.load.inFlight = 2;
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
  assertEquals(candidates(registryOf(...backends), "m", new Set([tried])), ["z", "full", "a"]);
});

Deno.test("Registry asks nobody to choose among none, and says why there is none", () => {
  const policy = policyOf(() => {
    throw new Error("asked");
  });
  const full = newBackend("full", { maxInFlight: 1 });
  full.load.inFlight = 1;
  const sick = newBackend("sick", { models: ["m", "n"] });
  sick.gate.healthy = false;
  const weightless = newBackend("weightless", { models: ["w"], weight: 0 });
  const tried = newBackend("tried", { models: ["t", "n"] });
  const registry = registryOf(full, sick, weightless, tried);
  const excluded = new Set([tried]);
  const shortages = ["m", "n", "w", "t", "x", "__proto__"].map((model) =>
    registry.acquire(keysOf(model), { policy, excluded })
  );
  assertEquals(shortages, [
    "full",
    "tried",
    "unhealthy",
    "tried",
    "unknown_model",
    "unknown_model",
  ]);
  assertEquals(registry.acquire(keysOf("n"), { policy: FIRST }) !== "unhealthy", true);
  assertEquals(new Registry().acquire(keysOf("m"), { policy }), "unknown_model");
});

Deno.test("Registry lets a call wait for a full backend if the policy wants that", () => {
  const full = newBackend("full", { maxInFlight: 1 });
  full.load.inFlight = 1;
  const registry = registryOf(full, newBackend("free"));
  const policy = policyOf(([first]) => first!);
  assertEquals(registry.acquire(keysOf("m"), { policy }), "full");
  assertEquals(full.inFlight, 1);
});

Deno.test("Registry takes a last resort only if nobody else is let in, full or not", () => {
  const doubtful = newBackend("doubtful");
  doubtful.gate.admission = "last_resort";
  const other = newBackend("other", { maxInFlight: 1 });
  const registry = registryOf(doubtful, other);
  const acquire = (): string => given(registry.acquire(keysOf("m"), { policy: FIRST }));
  assertEquals([acquire(), acquire()], ["other", "full"]);
  other.gate.healthy = false;
  assertEquals(acquire(), "doubtful");
});

Deno.test("Registry tells those who wait for a model of every end of a call and every change there", () => {
  const [a, b] = [newBackend("a", { maxInFlight: 1 }), newBackend("b", { models: ["n"] })];
  const registry = registryOf(a, b);
  const told: string[] = [];
  const stop = registry.onChange("m", () => told.push("m"));
  registry.onChange("n", () => told.push("n"));
  const lease = registry.acquire(keysOf("m"), { policy: FIRST }) as Lease;
  assertEquals(told, []);
  lease.settle({ kind: "completed", status: 200 });
  lease.settle({ kind: "completed", status: 200 });
  assertEquals(told, ["m"]);
  b.tell({ drain: true });
  assertEquals(told, ["m", "n"]);
  registry.apply([a]);
  assertEquals(told, ["m", "n", "m", "n"]);
  stop();
  a.tell({ weight: 2 });
  assertEquals(told.length, 4);
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
  const none = Object.create(null);
  assertEquals(registry.models(), [
    { id: "B", created: 1_700_000_005, fields: none },
    { id: "m", created: 1_700_000_000, fields: none },
    { id: "z", created: 1_700_000_000, fields: none },
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
  silent.discovered(cards());
  assertEquals(registry.modelsPending, true, "an empty list is none yet");
  silent.discovered(cards("m"));
  assertEquals(registry.modelsPending, false);
});
