import { assertEquals } from "@std/assert";
import { StallWatch } from "../../../src/health/stall_watch.ts";
import { Lease } from "../../../src/registry/lease.ts";
import { Backend, type BackendSpec } from "../../../src/registry/backend.ts";
import { newSpec, TestGate } from "../../contract/backends.ts";

interface World {
  backend: Backend;
  watch: StallWatch;
  causes: string[];
  call: (bodyBytes?: number, how?: { stream?: boolean }) => Lease;
  /** Lets so many seconds go by; how often it was suspected so far. */
  after: (seconds: number) => number;
}

/** A backend whose calls are all there is of it. */
function world(spec: Partial<BackendSpec> = {}): World {
  let at = 0;
  const causes: string[] = [];
  const backend = new Backend(newSpec("a", spec), { createGate: () => new TestGate() });
  const watch = new StallWatch(backend, {
    stallAfterMs: 60_000,
    now: () => at,
    onSuspect: (cause) => causes.push(cause),
  });
  const call: World["call"] = (bodyBytes = 0, { stream = true } = {}) =>
    new Lease({ backend, why: "test" }, { now: () => at, keys: { bodyBytes, stream } });
  const after: World["after"] = (seconds) => {
    for (let i = 0; i < seconds * 4; i++) {
      at += 250;
      watch.look();
    }
    return causes.length;
  };
  return { backend, watch, call, after, causes };
}

Deno.test("a backend is suspect if none of its calls had a byte for stall_after, and is told of once", () => {
  const { call, after, causes, watch } = world();
  call();
  assertEquals([after(59), watch.suspect], [0, false]);
  assertEquals([after(100), watch.suspect], [1, true]);
  assertEquals(causes, ["no byte to any of its calls for 60 s"]);
});

Deno.test("a backend without calls is silent for good reason", () => {
  const { call, after } = world();
  assertEquals(after(1000), 0);
  const lease = call();
  assertEquals(after(50), 0);
  lease.settle({ kind: "client_left", phase: "head" });
  assertEquals(after(50), 0);
  call();
  assertEquals([after(59), after(2)], [0, 1]);
});

Deno.test("a backend that gives one call a piece is not suspect for the silence of others", () => {
  const { backend, call, after } = world();
  call();
  for (let i = 0; i < 10; i++) {
    assertEquals(after(50), 0);
    backend.flow.pieces++;
  }
});

Deno.test("a backend that owes its streams no piece, as their clients take none, is not suspect", () => {
  const { call, after } = world();
  call().begin();
  assertEquals(after(200), 0);
});

Deno.test("a backend that owes a begun stream its next piece is suspect", () => {
  const { backend, call, after } = world();
  call().begin();
  backend.flow.pending++;
  assertEquals(after(61), 1);
});

Deno.test("suspicion ends with the first piece of any call, and with a sign of life", () => {
  const { backend, call, after, watch } = world();
  call();
  after(61);
  backend.flow.pieces++;
  assertEquals(watch.suspect, false);
  assertEquals([after(59), after(2), watch.suspect], [1, 2, true]);
  watch.acquit();
  assertEquals([watch.suspect, after(59), after(2)], [false, 2, 3]);
});

Deno.test("a long prompt has the time of its prefill, 5 min at the most", () => {
  const { call, after } = world();
  call(4096 * 100);
  assertEquals([after(159), after(2)], [0, 1]);
  const huge = world();
  huge.call(1024 ** 3);
  assertEquals([huge.after(359), huge.after(2)], [0, 1]);
});

Deno.test("an engine that has one call at a time may be silent for as long as a whole answer takes", () => {
  for (const spec of [{ cacheType: "static" }, { maxInFlight: 1 }] as const) {
    const { call, after } = world(spec);
    const whole = call(0, { stream: false });
    assertEquals(after(500), 0);
    whole.settle({ kind: "completed", status: 200 });
    call();
    assertEquals(after(500), 1);
  }
  const streamedUpstream = world({
    cacheType: "static",
    engine: "infinilm",
    streamUpstream: true,
  });
  streamedUpstream.call(0, { stream: false });
  assertEquals(streamedUpstream.after(61), 1);
});
