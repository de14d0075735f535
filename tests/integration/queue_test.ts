import { assert, assertEquals } from "@std/assert";
import type { Sim } from "../../src/sim/sim.ts";
import { jsonAnswer, startEnginePeer } from "../support/engine_peer.ts";
import { startInfinilm } from "../support/infinilm.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const CHAT = "/v1/chat/completions";

/** A router before one engine that has one call at a time, and answers each when it is let. */
async function withQueue(
  queue: string,
  test: (router: RouterProcess, engine: Sim) => Promise<void>,
): Promise<void> {
  await using engine = startInfinilm();
  await using router = await RouterProcess.start(
    backendsYaml([engine.url], ["max_in_flight: 1"]) + `queue: ${queue}\n`,
  );
  engine.setFault("hung_step");
  await test(router, engine);
}

async function queued(router: RouterProcess): Promise<number> {
  const { queued } = await (await router.fetch("/stats")).json();
  return queued["m"] ?? 0;
}

interface Asked {
  status: number;
  code: unknown;
  queuedMs: string | null;
  retryAfter: string | null;
}

async function ask(
  router: RouterProcess,
  { prompt = "hi", key, signal }: { prompt?: string; key?: string; signal?: AbortSignal } = {},
): Promise<Asked> {
  const answer = await router.fetch(CHAT, {
    method: "POST",
    body: JSON.stringify(chat("m", prompt)),
    ...(signal && { signal }),
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  });
  const { code } = await answer.json();
  const { headers, status } = answer;
  return {
    status,
    code,
    queuedMs: headers.get("x-infinilm-queued-ms"),
    retryAfter: headers.get("retry-after"),
  };
}

/** Asks, and waits until the call waits. */
async function join(
  router: RouterProcess,
  place: number,
  options: { prompt?: string; key?: string; signal?: AbortSignal } = {},
): Promise<{ answer: Promise<Asked> }> {
  const answer = ask(router, options);
  answer.catch(() => {});
  await until("it waits", async () => await queued(router) === place);
  return { answer };
}

function promptsSeen(engine: Sim): string[] {
  return engine.calls.map(({ body }) => JSON.parse(body).messages[0].content);
}

Deno.test("calls that find no room wait, have turns by API key, and say for how long they waited", () =>
  withQueue("{ size: 10 }", async (router, engine) => {
    const first = ask(router, { prompt: "first", key: "a" });
    await until("the engine has it", () => engine.calls.length === 1);
    const waiting = [];
    for (const [prompt, key] of [["a1", "a"], ["a2", "a"], ["a3", "a"], ["b1", "b"]] as const) {
      waiting.push(await join(router, waiting.length + 1, { prompt, key }));
    }
    engine.setFault("none");
    const [direct, ...late] = await Promise.all([first, ...waiting.map(({ answer }) => answer)]);
    assertEquals(promptsSeen(engine), ["first", "a1", "b1", "a2", "a3"]);
    assertEquals([direct!.status, direct!.queuedMs], [200, null]);
    for (const { status, queuedMs } of late) {
      assertEquals(status, 200);
      assert(Number(queuedMs) > 0 && Number(queuedMs) < 30_000, `${queuedMs}`);
    }
    const line = await router.logged((line) =>
      line.message === "call" && line["queued_s"] !== undefined
    );
    assert(Number(line["queued_s"]) > 0);
    assertEquals(await queued(router), 0);
  }));

Deno.test("a queue that is full turns calls away with 429, and one that takes too long with 503, both with retry-after", () =>
  withQueue("{ size: 1, timeout: 1s }", async (router, engine) => {
    const first = ask(router);
    await until("the engine has it", () => engine.calls.length === 1);
    const { answer } = await join(router, 1);
    const turnedAway = await ask(router);
    assertEquals([turnedAway.status, turnedAway.code], [429, "queue_full"]);
    assert(Number(turnedAway.retryAfter) >= 1);
    const timedOut = await answer;
    assertEquals([timedOut.status, timedOut.code, timedOut.queuedMs], [
      503,
      "queue_timeout",
      "1000",
    ]);
    assert(Number(timedOut.retryAfter) >= 1);
    engine.setFault("none");
    assertEquals((await first).status, 200);
  }));

Deno.test("promise 6: a client that leaves while its call waits is out of the queue at once, and no engine hears of it", () =>
  withQueue("{ size: 10 }", async (router, engine) => {
    const first = ask(router, { prompt: "first" });
    await until("the engine has it", () => engine.calls.length === 1);
    const leaving = new AbortController();
    await join(router, 1, { prompt: "left", signal: leaving.signal });
    leaving.abort();
    await until("it is out", async () => await queued(router) === 0);
    const line = await router.logged((line) => line["status"] === 499);
    assertEquals([line["code"], line["outcome"], line["phase"], line["attempts"]], [
      "client_closed",
      "client_left",
      "queue",
      0,
    ]);
    engine.setFault("none");
    await first;
    assertEquals(promptsSeen(engine), ["first"]);
  }));

Deno.test("calls that wait when the last engine of their model falls are told so at once", () =>
  withQueue(
    "{ size: 10 }\nhealth: { interval: 100ms, timeout: 100ms, unhealthy_after: 1 }",
    async (router, engine) => {
      const first = ask(router);
      await until("the engine has it", () => engine.calls.length === 1);
      const { answer } = await join(router, 1);
      engine.setFault("dead_engine");
      await router.logged((line) => line.message === "backend is unhealthy");
      const { status, code, retryAfter } = await answer;
      assertEquals([status, code, retryAfter], [503, "no_healthy_backend", "5"]);
      first.catch(() => {}); // a dead engine never answers it
    },
  ));

Deno.test("promise 16: when the last engine falls, all that wait hear it at once, and whoever comes then", async () => {
  await using engine = startInfinilm();
  await using router = await RouterProcess.start(
    `${backendsYaml([engine.url], ["max_in_flight: 1"])}queue: { timeout: 20s }\n` +
      "health: { interval: 100ms, timeout: 100ms }\n",
  );
  engine.setFault("hung_step");
  const first = ask(router, { prompt: "first" });
  first.catch(() => {}); // awaited at the end, unless something else is wrong before
  await until("the engine has it", () => engine.calls.length === 1);
  const all: { answer: Promise<Asked> }[] = [];
  for (let place = 1; place <= 5; place++) all.push(await join(router, place));
  engine.setFault("dead_engine");
  const told = await Promise.all([...all.map(({ answer }) => answer), ask(router)]);
  assertEquals(new Set(told.map(({ code }) => code)), new Set(["no_healthy_backend"]));
  engine.setFault("none");
  await first;
});

Deno.test("a call that waits is placed when an engine has rested as it asked to, though nothing else happens", async () => {
  let asked = 0;
  const held = Promise.withResolvers<void>();
  await using long = startEnginePeer(async (conn) => {
    await held.promise;
    await conn.write(jsonAnswer({ choices: [] }));
  });
  await using rests = startEnginePeer((conn) =>
    conn.write(
      asked++ > 0 ? jsonAnswer({ choices: [] }) : jsonAnswer({ error: "busy" }, {
        status: "503 Service Unavailable",
        headers: ["retry-after: 1"],
      }),
    )
  );
  const urls = [long, rests].map(({ port }) => `http://127.0.0.1:${port}`);
  await using router = await RouterProcess.start(
    `${backendsYaml(urls, ["max_in_flight: 1", "max_in_flight: 1"])}queue: { timeout: 20s }\n`,
  );
  const calls = [1, 2, 3].map((call) => router.post(CHAT, chat("peer", `${call}`)));
  const first = await Promise.race(calls);
  assertEquals([first.status, first.headers.get("x-infinilm-service")], [200, "b"]);
  assert(asked >= 2, "it was asked again");
  held.resolve();
  assertEquals((await Promise.all(calls)).map(({ status }) => status), [200, 200, 200]);
});
