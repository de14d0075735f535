import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { jsonAnswer, startEnginePeer, STREAM_HEAD } from "../support/engine_peer.ts";
import { startInfinilm } from "../support/infinilm.ts";
import type { RawPeer } from "../support/raw_peer.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const CHAT = "/v1/chat/completions";
const MARK = "kill the engine";

/** An engine that dies as soon as it reads a marked body: all its connections break, and nobody listens any more. */
class Mortal {
  readonly peer: RawPeer;
  dead = false;
  readonly bodies: string[] = [];

  constructor() {
    this.peer = startEnginePeer(async (conn, request) => {
      const body = new TextDecoder().decode(request.body);
      this.bodies.push(body);
      if (body.includes(MARK)) return this.die();
      // Others are under way when it dies.
      await new Promise((resolve) => setTimeout(resolve, 30));
      if (!this.dead) await conn.write(jsonAnswer({ choices: [] }));
    });
  }

  die(): void {
    this.dead = true;
    this.peer.stopListening();
    for (const connection of this.peer.connections) connection.close();
  }

  get url(): string {
    return `http://127.0.0.1:${this.peer.port}`;
  }
}

Deno.test("promise 5: a request that kills engines kills two, everybody else is served, and its repetitions are refused", async () => {
  const engines = [new Mortal(), new Mortal(), new Mortal()];
  await using stack = new AsyncDisposableStack();
  for (const { peer } of engines) stack.use(peer);
  const router = stack.use(
    await RouterProcess.start(
      backendsYaml(engines.map(({ url }) => url)) +
        "health: { interval: 200ms, timeout: 200ms }\nretry: { budget: 1 }\n",
    ),
  );
  const poison = chat("peer", MARK);
  const statuses: number[] = [];
  let stopped = false;
  const client = async (number: number): Promise<void> => {
    for (let call = 0; !stopped; call++) {
      const answer = await router.post(CHAT, chat("peer", `call ${number}-${call}`));
      await answer.body?.cancel();
      statuses.push(answer.status);
    }
  };
  const clients = Promise.all(Array.from({ length: 24 }, (_, number) => client(number)));
  stack.defer(async () => {
    stopped = true;
    await clients.catch(() => {});
  });
  await until("calls are served", () => statuses.length > 100);
  const answer = await router.post(CHAT, poison);
  const { code, error } = await answer.json();
  assertEquals([answer.status, code], [502, "suspected_poison"]);
  assertStringIncludes(error, "died while they held this request");
  for (let retry = 0; retry < 10; retry++) {
    const again = await router.post(CHAT, poison);
    assertEquals([again.status, (await again.json()).code], [422, "poisonous"]);
    assertEquals(again.headers.get("x-should-retry"), "false");
  }
  const before = statuses.length;
  await until("calls are served after it", () => statuses.length > before + 50);
  stopped = true;
  await clients;
  assertEquals(engines.filter(({ dead }) => dead).length, 2);
  assertEquals(statuses.filter((status) => status !== 200), []);
  const line = await router.logged(({ message }) =>
    message === "request is suspected to be poison"
  );
  assertEquals((line["backends"] as string[]).length, 2);
  assert(/^[0-9a-f]{64}$/.test(String(line["digest"])));
});

Deno.test("promise 5: a request that kills engines while its client hears comments alone kills two, and is refused", async () => {
  const engines = Array.from({ length: 4 }, () => {
    const engine = {
      dead: false,
      peer: startEnginePeer(async (conn) => {
        await conn.write(STREAM_HEAD);
        await new Promise((resolve) => setTimeout(resolve, 300));
        engine.dead = true;
        engine.peer.stopListening();
        for (const each of engine.peer.connections) each.close();
      }),
    };
    return engine;
  });
  await using stack = new AsyncDisposableStack();
  for (const { peer } of engines) stack.use(peer);
  const router = stack.use(
    await RouterProcess.start(
      backendsYaml(engines.map(({ peer }) => `http://127.0.0.1:${peer.port}`)) +
        "health: { interval: 200ms, timeout: 200ms }\nstream: { keep_alive: 100ms }\n",
    ),
  );
  const poison = chat("peer", MARK, { stream: true });
  const first = await router.post(CHAT, poison);
  assertEquals(first.status, 200);
  await first.text().catch(() => {}); // comments, an error event and a cut
  await router.logged(({ message }) => message === "request is suspected to be poison");
  for (let retry = 0; retry < 3; retry++) {
    assertEquals((await (await router.post(CHAT, poison)).json()).code, "poisonous");
  }
  assertEquals(engines.filter(({ dead }) => dead).length, 2);
});

Deno.test("a request that two engines hang with is no poison: nobody has died", async () => {
  const engines = [1, 2].map(() => startInfinilm());
  await using stack = new AsyncDisposableStack();
  for (const engine of engines) stack.use(engine);
  const router = stack.use(
    await RouterProcess.start(
      backendsYaml(engines.map(({ url }) => url), engines.map(() => "engine: infinilm")) +
        "health: { interval: 200ms, timeout: 200ms, stall_after: 400ms }\n" +
        "timeouts: { request: 5s }\n",
    ),
  );
  for (const engine of engines) engine.setFault("hung_step");
  const answer = await router.post(CHAT, chat("m"));
  assertEquals((await answer.json()).code === "suspected_poison", false);
  for (const engine of engines) engine.setFault("none");
  await until("engines are well again", async () => {
    const again = await router.post(CHAT, chat("m"));
    await again.body?.cancel();
    assertEquals(again.status === 422, false);
    return again.status === 200;
  });
});
