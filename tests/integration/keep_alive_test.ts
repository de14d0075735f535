import { assert, assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { chunk, posts, startEnginePeer, STREAM_HEAD } from "../support/engine_peer.ts";
import { RawClient, rawPost } from "../support/raw_client.ts";
import type { PeerConnection, RawPeer } from "../support/raw_peer.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";

const CHAT = "/v1/chat/completions";
const COMMENT = ": keep-alive\n\n";
const DELTA = 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n';
const DONE = "data: [DONE]\n\n";
const KEEP_ALIVE = "stream: { keep_alive: 100ms }\n";

function urlOf({ port }: RawPeer): string {
  return `http://127.0.0.1:${port}`;
}

/** An engine by hand: gives its head at once, and what else it is told. */
function byHand(head = STREAM_HEAD): { peer: RawPeer; asked: Promise<PeerConnection> } {
  const { promise: asked, resolve } = Promise.withResolvers<PeerConnection>();
  const peer = startEnginePeer(async (conn) => {
    await conn.write(head);
    resolve(conn);
    await conn.closedByPeer;
  });
  return { peer, asked };
}

async function ask(
  router: RouterProcess,
  { id = "silent", model = "peer" } = {},
): Promise<RawClient> {
  const client = await RawClient.connect(router.port);
  const body = JSON.stringify(chat(model, "hi", { stream: true }));
  await client.write(rawPost(CHAT, body, [`x-request-id: ${id}`]));
  return client;
}

Deno.test("promise 50: a long prefill is bridged by comments once no other backend could have the call, and the answer follows", async () => {
  const { peer, asked } = byHand();
  await using _ = peer;
  await using router = await RouterProcess.start(
    `${backendsYaml([urlOf(peer)])}${KEEP_ALIVE}timeouts: { idle: 300ms }\n`,
  );
  using client = await ask(router);
  const conn = await asked;
  assert((await client.until(COMMENT)).startsWith("HTTP/1.1 200 OK\r\n"));
  // Longer than timeouts.idle, which does not run before the first event.
  for (let i = 0; i < 5; i++) await client.until(COMMENT);
  await conn.write(chunk(DELTA));
  await client.until(DELTA);
  await conn.write(chunk(DONE));
  await conn.write(chunk());
  await client.until(`${DONE}\r\n0\r\n\r\n`);
  const line = await router.call("silent");
  assertEquals([line["outcome"], line["status"], line["attempts"]], ["completed", 200, 1]);
  assert(Number(line["ttfb_s"]) > 0.5, "the comments are no first byte");
  const { in_flight, error_count } = await router.stats("a");
  assertEquals([in_flight, error_count], [0, 0]);
});

Deno.test("a stream that could still go elsewhere gets no comment before its first event, and goes there", async () => {
  const { peer, asked } = byHand();
  await using _ = peer;
  const other = byHand();
  await using __ = other.peer;
  await using router = await RouterProcess.start(
    `${
      backendsYaml([urlOf(peer), urlOf(other.peer)], [
        "models: [peer, lone], weight: 100",
        "models: [peer]",
      ])
    }${KEEP_ALIVE}routing: { policy: round_robin }\n`,
  );
  using client = await ask(router);
  const conn = await asked;
  using lone = await ask(router, { id: "lone", model: "lone" });
  for (let i = 0; i < 4; i++) await lone.until(COMMENT); // so much time has passed
  conn.close();
  const next = await other.asked;
  await client.until(COMMENT);
  await next.write(chunk(DELTA + DONE));
  await next.write(chunk());
  await client.until(`${DONE}\r\n0\r\n\r\n`);
  assertEquals((await router.call("silent"))["attempts"], 2);
});

Deno.test("a stream that breaks behind comments alone is told so, and goes nowhere else", async () => {
  const { peer, asked } = byHand();
  await using _ = peer;
  await using router = await RouterProcess.start(`${backendsYaml([urlOf(peer)])}${KEEP_ALIVE}`);
  using client = await ask(router);
  const conn = await asked;
  await client.until(COMMENT);
  conn.close();
  assert((await client.until("upstream_broken")).includes("data: {"));
  assert(!(await client.rest()).includes("\r\n0\r\n"), "and cut");
  const line = await router.call("silent");
  assertEquals([line["code"], line["outcome"], line["attempts"]], ["upstream_broken", "broke", 1]);
  assertEquals(posts(peer).length, 1);
});

Deno.test("timeouts.request still bounds the wait for the first event of a stream that has had comments", async () => {
  const { peer } = byHand();
  await using _ = peer;
  await using router = await RouterProcess.start(
    `${backendsYaml([urlOf(peer)])}${KEEP_ALIVE}timeouts: { request: 400ms }\n`,
  );
  using client = await ask(router);
  assert((await client.until("upstream_timeout")).includes(COMMENT));
  const line = await router.call("silent");
  assertEquals([line["code"], line["outcome"]], ["upstream_timeout", "timed_out"]);
});

Deno.test("promise 6: a client that leaves while it hears comments alone frees the engine at once", async () => {
  const { peer, asked } = byHand();
  await using _ = peer;
  await using router = await RouterProcess.start(`${backendsYaml([urlOf(peer)])}${KEEP_ALIVE}`);
  using client = await ask(router);
  const conn = await asked;
  await client.until(COMMENT);
  client.close();
  await conn.closedByPeer;
  const line = await router.call("silent");
  assertEquals([line["status"], line["outcome"]], [499, "client_left"]);
});

Deno.test("an answer whose head has not come gets no comment: its status is not known yet", async () => {
  await using sim = Sim.start({ fault: "stall_before_head" });
  await using router = await RouterProcess.start(
    `${backendsYaml([sim.url])}${KEEP_ALIVE}timeouts: { request: 400ms }\n`,
  );
  const answer = await router.post(CHAT, chat("sim", "hi", { stream: true }));
  assertEquals([answer.status, (await answer.json()).code], [504, "upstream_timeout"]);
});

Deno.test("a stream that falls silent between two events is kept alive, until timeouts.idle", async () => {
  const { peer, asked } = byHand();
  await using _ = peer;
  await using router = await RouterProcess.start(
    `${backendsYaml([urlOf(peer)])}${KEEP_ALIVE}timeouts: { idle: 450ms }\n`,
  );
  using client = await ask(router);
  await (await asked).write(chunk(DELTA));
  const heard = await client.until("upstream_idle_timeout");
  assert(heard.split(COMMENT).length - 1 >= 3, heard);
});
