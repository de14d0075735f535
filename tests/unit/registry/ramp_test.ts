import { assertEquals } from "@std/assert";
import { createLeastLoad } from "../../../src/policy/least_load.ts";
import { Backend, type BackendSpec } from "../../../src/registry/backend.ts";
import { Ramp } from "../../../src/registry/ramp.ts";
import { Registry } from "../../../src/registry/registry.ts";
import { keysOf, newSpec, policyOf, TestGate } from "../../contract/backends.ts";

function newBackend(spec: Partial<BackendSpec>): Backend {
  return new Backend(newSpec("a", spec), { createGate: () => new TestGate() });
}

Deno.test("one that has come back gets a tenth at first, and all of it when its time is over, in a straight line", () => {
  const ramp = new Ramp(1000, 30_000);
  const shares = [1000, 11_000, 21_000, 31_000, 60_000].map((at) => ramp.shareAt(at));
  assertEquals(shares.map((share) => Math.round(share * 100)), [10, 40, 70, 100, 100]);
  assertEquals(new Ramp(1000, 0).shareAt(1000), 1);
});

Deno.test("promise 24: a backend that has come back has little of its weight and of its places at first", () => {
  const backend = newBackend({ weight: 10, maxInFlight: 20 });
  const placesNow = (): number => {
    const { load } = backend as unknown as { load: { inFlight: number } };
    for (load.inFlight = 0; !backend.full;) load.inFlight++;
    return load.inFlight;
  };
  assertEquals([backend.share, placesNow()], [10, 20]);
  backend.startSlowly(0, 10_000);
  assertEquals([backend.share, placesNow(), backend.weight], [1, 2, 10]);
  backend.look(5000);
  assertEquals([backend.share, placesNow()], [5.5, 11]);
  backend.look(10_000);
  assertEquals([backend.share, placesNow()], [10, 20]);
});

Deno.test("a backend with one place keeps it while it comes back", () => {
  const backend = newBackend({ maxInFlight: 1 });
  backend.startSlowly(0, 10_000);
  assertEquals(backend.full, false);
});

Deno.test("where nobody else has room, one that is coming back takes all that it can", () => {
  const backend = newBackend({ maxInFlight: 3 });
  backend.startSlowly(0, 10_000);
  const registry = new Registry(() => 0);
  registry.apply([backend]);
  const policy = policyOf(([first]) => first!);
  const given = [1, 2, 3, 4].map(() => registry.acquire(keysOf("m"), { policy }));
  assertEquals(given.map((lease) => typeof lease === "string" ? lease : lease.why), [
    "test",
    "slow_start",
    "slow_start",
    "full",
  ]);
});

Deno.test("a policy compares shares of one moment, though the clock goes on while it does", () => {
  const backends = [newBackend({}), newBackend({})];
  for (const backend of backends) backend.startSlowly(0, 1000);
  let at = 0;
  const registry = new Registry(() => at++);
  registry.apply(backends);
  const policy = createLeastLoad();
  const counts = new Map<Backend, number>();
  for (let call = 0; call < 1000; call++) {
    const lease = registry.acquire(keysOf("m"), { policy });
    if (typeof lease === "string") throw new Error(lease);
    counts.set(lease.backend, (counts.get(lease.backend) ?? 0) + 1);
  }
  assertEquals([...counts.values()], [500, 500]);
});
