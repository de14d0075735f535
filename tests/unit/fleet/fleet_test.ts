import { assert, assertEquals, assertThrows } from "@std/assert";
import { Fleet } from "../../../src/fleet/fleet.ts";
import type { LogFields } from "../../../src/observe/log.ts";
import type { BackendSpec } from "../../../src/registry/backend.ts";
import type { Lease } from "../../../src/registry/lease.ts";
import { Registry } from "../../../src/registry/registry.ts";
import { keysOf, newSpec, policyOf } from "../../contract/backends.ts";
import { jsonAnswer, startEnginePeer } from "../../support/engine_peer.ts";
import { RawPeer } from "../../support/raw_peer.ts";
import { until } from "../../support/until.ts";

const FIRST = policyOf(([first]) => first!);

interface World extends Disposable {
  fleet: Fleet;
  registry: Registry;
  lines: [message: string, fields: LogFields][];
}

function world(): World {
  const registry = new Registry();
  const lines: World["lines"] = [];
  const write = (message: string, fields: LogFields = {}): void =>
    void lines.push([message, fields]);
  const fleet = new Fleet(registry, {
    health: {
      path: "/health",
      intervalMs: 50,
      timeoutMs: 5000,
      unhealthyAfter: 2,
      healthyAfter: 1,
      slowStartMs: 0,
      stallAfterMs: 60_000,
      breaker: { failures: 5, share: 0.5, baseMs: 10_000, maxMs: 300_000 },
    },
    now: () => performance.now(),
    log: {
      debug: write,
      info: write,
      warn: write,
      error: write,
      line: () => {},
      isEnabledFor: () => true,
    },
    wallNow: Date.now,
    random: () => 0.5,
  });
  return { fleet, registry, lines, [Symbol.dispose]: () => fleet.stop() };
}

function specAt(
  name: string,
  { port }: { port: number },
  spec: Partial<BackendSpec> = {},
): BackendSpec {
  return newSpec(name, { host: "127.0.0.1", port, ...spec });
}

/** An engine that is well. */
function engine(): RawPeer {
  return startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
}

Deno.test("a fleet checks who joins, and lets go who leaves when its last call has ended", async () => {
  await using peer = engine();
  using one = world();
  const { fleet, registry } = one;
  assertEquals(fleet.apply([specAt("a", peer), specAt("b", peer)]), {
    added: ["a", "b"],
    removed: [],
    changed: [],
  });
  await until("both are well", () => registry.backends.every(({ healthy }) => healthy));
  const lease = registry.acquire(keysOf("m"), { policy: FIRST }) as Lease;
  const { backend } = lease;
  assertEquals(backend.name, "a");
  assertEquals(fleet.apply([specAt("b", peer)]).removed, ["a"]);
  assertEquals(registry.backends.map(({ name }) => name), ["b"]);
  assertEquals([backend.present, backend.wanted, backend.inFlight], [false, false, 1]);
  assert(fleet.clientOf(backend) !== undefined, "its call can go on");
  lease.settle({ kind: "completed", status: 200 });
  assertEquals(backend.inFlight, 0);
});

Deno.test("a fleet keeps what is known of those who stay, whatever else changes", async () => {
  await using peer = engine();
  using one = world();
  const { fleet, registry } = one;
  fleet.apply([specAt("a", peer, { models: undefined })]);
  const [before] = registry.backends;
  await until("a is well", () => before!.healthy && before!.models !== undefined);
  const lease = registry.acquire(keysOf("peer"), { policy: FIRST }) as Lease;
  const change = fleet.apply([
    specAt("a", peer, { models: undefined, weight: 3, maxInFlight: 1, apiKey: "k" }),
    specAt("b", peer),
  ]);
  assertEquals(change, { added: ["b"], removed: [], changed: ["a"] });
  const [after] = registry.backends;
  assert(after === before);
  assertEquals([after!.healthy, after!.models, after!.inFlight, after!.full, after!.weight], [
    true,
    ["peer"],
    1,
    true,
    3,
  ]);
  lease.settle({ kind: "completed", status: 200 });
});

Deno.test("a fleet takes another address under the same name for another backend", async () => {
  await using old = engine();
  await using young = engine();
  using one = world();
  const { fleet, registry } = one;
  fleet.apply([specAt("a", old)]);
  const [before] = registry.backends;
  await until("a is well", () => before!.healthy);
  assertEquals(fleet.apply([specAt("a", young)]), { added: [], removed: [], changed: ["a"] });
  const [after] = registry.backends;
  assert(after !== before);
  assertEquals([after!.healthy, before!.present], [false, false]);
  await until("the new one is well", () => after!.healthy);
});

Deno.test("a fleet that is told the same again does nothing", async () => {
  await using peer = engine();
  using one = world();
  const { fleet, registry } = one;
  fleet.apply([specAt("a", peer), specAt("b", peer, { models: undefined })]);
  const before = [...registry.backends];
  const change = fleet.apply([specAt("a", peer), specAt("b", peer, { models: undefined })]);
  assertEquals(change, { added: [], removed: [], changed: [] });
  assert(registry.backends.every((backend, index) => backend === before[index]));
});

Deno.test("a fleet sees that one name has become two", async () => {
  await using peer = engine();
  using one = world();
  const { fleet, registry } = one;
  fleet.apply([specAt("a", peer, { models: ["x,y"] })]);
  assertEquals(fleet.apply([specAt("a", peer, { models: ["x", "y"] })]).changed, ["a"]);
  assertEquals(registry.backends[0]!.models, ["x", "y"]);
});

Deno.test("a fleet takes no two backends of one name, and then changes nothing", async () => {
  await using peer = engine();
  using one = world();
  const { fleet, registry } = one;
  fleet.apply([specAt("a", peer)]);
  const before = registry.backends;
  assertThrows(() => fleet.apply([specAt("b", peer), specAt("b", peer)]), TypeError);
  assert(registry.backends === before);
});

Deno.test("a fleet may be empty, and a backend that has never been well says why, once for each reason", async () => {
  const closed = engine();
  await closed[Symbol.asyncDispose]();
  using one = world();
  const { fleet, registry, lines } = one;
  assertEquals(fleet.apply([]), { added: [], removed: [], changed: [] });
  fleet.apply([specAt("a", closed)]);
  const [backend] = registry.backends;
  await until("the reason is known", () => backend!.gate.observed.cause !== "");
  assertEquals(lines.length, 1);
  const [message, { backend: name, cause }] = lines[0]!;
  assertEquals([message, name], ["backend is unhealthy", "a"]);
  assert(/^\/health: .*refused/i.test(String(cause)), String(cause));
});

Deno.test("a fleet tells that a backend is well but says no models, and why", async () => {
  await using peer = RawPeer.start(async (conn) => {
    for (let request = await conn.readRequest(); request; request = await conn.readRequest()) {
      const status = request.target === "/health" ? "200 OK" : "401 Unauthorized";
      await conn.write(jsonAnswer({}, { status }));
    }
  });
  using one = world();
  const { fleet, lines } = one;
  fleet.apply([specAt("a", peer, { models: undefined })]);
  await until("it is told", () => lines.length > 1);
  assertEquals(lines, [
    ["backend is healthy", { backend: "a", models: undefined }],
    ["backend tells no models", {
      backend: "a",
      cause: "/v1/models answered 401, /models answered 401",
    }],
  ]);
});
