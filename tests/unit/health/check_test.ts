import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { check } from "../../../src/health/check.ts";
import type { CheckResult } from "../../../src/health/health_gate.ts";
import { StallWatch } from "../../../src/health/stall_watch.ts";
import { UpstreamClient } from "../../../src/upstream/client.ts";
import { newBackend, type TestBackend } from "../../contract/backends.ts";
import { jsonAnswer } from "../../support/engine_peer.ts";
import { RawPeer } from "../../support/raw_peer.ts";

const TIMEOUT_MS = 5000;

/** Answers these paths, and says nothing to others. */
function answering(...paths: string[]): RawPeer {
  return RawPeer.start(async (conn) => {
    for (let request = await conn.readRequest(); request; request = await conn.readRequest()) {
      if (paths.includes(request.target)) await conn.write(jsonAnswer({}));
    }
  });
}

interface Checked {
  result: CheckResult;
  watch: StallWatch;
}

/** A check whose time is over as soon as the peer has had so many requests. */
async function checkOf(
  peer: RawPeer,
  { backend, suspect, silentAfter }: {
    backend: TestBackend;
    suspect: boolean;
    silentAfter?: number;
  },
): Promise<Checked> {
  using time = new FakeTime();
  const watch = new StallWatch(backend, {
    stallAfterMs: 1,
    now: () => time.now,
    onSuspect: () => {},
  });
  if (suspect) {
    backend.flow.pending = 1;
    time.tick(2);
    watch.look();
  }
  const client = new UpstreamClient({ host: "127.0.0.1", port: peer.port });
  const { signal } = new AbortController();
  const checking = check(backend, {
    watch,
    client,
    path: "/health",
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  if (silentAfter !== undefined) {
    await peer.received(silentAfter);
    if (!suspect) backend.flow.pieces++;
    time.tick(TIMEOUT_MS);
  }
  const result = await checking;
  client.close();
  return { result, watch };
}

Deno.test("promise 22: a check that times out while answers flow says nothing", async () => {
  await using peer = answering();
  const { result } = await checkOf(peer, {
    backend: newBackend("a", { models: ["m"], engine: "openai" }),
    suspect: false,
    silentAfter: 1,
  });
  assertEquals(result, { kind: "local", reason: "/health: no answer within 5000 ms" });
});

Deno.test("an engine that looks hung is well if it answers a call, and is not asked for more", async () => {
  await using peer = answering("/health", "/v1/completions");
  const backend = newBackend("a", { models: ["m"], engine: "openai" });
  const { result, watch } = await checkOf(peer, { backend, suspect: true });
  assertEquals([result, watch.suspect], [{ kind: "good" }, false]);
  assertEquals(peer.requests.map(({ method, target }) => [method, target]), [
    ["GET", "/health"],
    ["POST", "/v1/completions"],
  ]);
  assertEquals(JSON.parse(new TextDecoder().decode(peer.requests[1]!.body)), {
    model: "m",
    prompt: "1",
    max_tokens: 2,
  });
});

Deno.test("an engine that looks hung and is silent to a call is taken down at once", async () => {
  await using peer = answering("/health");
  const backend = newBackend("a", { models: ["m"], engine: "openai" });
  const { result, watch } = await checkOf(peer, { backend, suspect: true, silentAfter: 2 });
  assertEquals([result, watch.suspect], [
    {
      kind: "unavailable",
      reason: "hung: no byte to its calls, nor to one of 2 tokens within 5000 ms",
      silent: true,
    },
    true,
  ]);
});

Deno.test("an engine that does not look hung is not asked for a call", async () => {
  await using peer = answering("/health");
  await checkOf(peer, {
    backend: newBackend("a", { models: ["m"], engine: "openai" }),
    suspect: false,
  });
  assertEquals(peer.requests.map(({ target }) => target), ["/health"]);
});
