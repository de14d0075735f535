import { assert, assertEquals } from "@std/assert";
import { residentMiB as resident } from "../bench/proc.ts";
import { chunk, jsonAnswer, startEnginePeer, STREAM_HEAD } from "../support/engine_peer.ts";
import { RawClient } from "../support/raw_client.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const MIB = 1024 * 1024;
const CHAT = JSON.stringify(chat("peer"));
const STREAM = JSON.stringify(chat("peer", "hi", { stream: true }));
const PATH = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n";

async function start(config = ""): Promise<{ router: RouterProcess; stack: AsyncDisposableStack }> {
  const stack = new AsyncDisposableStack();
  const peer = stack.use(startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true }))));
  const router = stack.use(
    await RouterProcess.start(`${backendsYaml([`http://127.0.0.1:${peer.port}`])}${config}`),
  );
  for (let i = 0; i < 200; i++) await (await router.post("/chat/completions", CHAT)).text();
  return { router, stack };
}

Deno.test("a body of a million chunks of one byte costs little more than its bytes", async () => {
  const { router, stack } = await start();
  await using _ = stack;
  const before = resident(router.pid);
  using client = await RawClient.connect(router.port);
  await client.write(`${PATH}transfer-encoding: chunked\r\nx-request-id: tiny\r\n\r\n`);
  const block = "1\r\n \r\n".repeat(10_000);
  let most = 0;
  for (let i = 0; i < 100; i++) {
    await client.write(block);
    most = Math.max(most, resident(router.pid));
  }
  await client.write(`${CHAT.length.toString(16)}\r\n${CHAT}\r\n0\r\n\r\n`);
  assertEquals((await client.answer()).status, 200);
  assert(most - before < 64, `${before} MiB before, ${most} MiB at most`);
});

Deno.test("uploads that stall past their 408 give back what they held", async () => {
  const { router, stack } = await start("timeouts: { request: 2s }\n");
  await using _ = stack;
  const before = resident(router.pid);
  const clients = await Promise.all(
    Array.from({ length: 12 }, () => RawClient.connect(router.port)),
  );
  try {
    const part = new Uint8Array(30 * MIB).fill(32);
    await Promise.all(clients.map(async (client) => {
      await client.write(`${PATH}content-length: ${31 * MIB}\r\n\r\n`);
      await client.write(part);
      await client.until("request_timeout");
    }));
    // What V8 has not collected yet is still counted: calls make it.
    await until("memory is given back", async () => {
      await (await router.post("/chat/completions", CHAT)).text();
      return resident(router.pid) - before < 64;
    }, { ms: 20_000, seen: () => `${before} MiB before, ${resident(router.pid)} MiB now` });
  } finally {
    for (const client of clients) client.close();
  }
});

Deno.test("limits.max_held: an upload that would be too much is refused before it is read, and taken once there is room", async () => {
  const { router, stack } = await start("limits: { max_held: 2MiB, max_body: 2MiB }\n");
  await using _ = stack;
  using first = await RawClient.connect(router.port);
  await first.write(`${PATH}content-length: ${1.5 * MIB}\r\n\r\n`);
  await first.write(new Uint8Array(1.2 * MIB).fill(32));
  const send = async (): Promise<[status: number, code: unknown]> => {
    const body = CHAT.padEnd(1.5 * MIB, " ");
    const answer = await router.post("/chat/completions", body);
    return [answer.status, (await answer.json()).code];
  };
  // Asked by a head without a body, which itself holds nothing.
  await until("the first is being read", async () => {
    using asking = await RawClient.connect(router.port);
    await asking.write(`${PATH}content-length: ${1.5 * MIB}\r\n\r\n`);
    const answered = asking.until("at_capacity").then(() => true, () => false);
    const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 100));
    return await Promise.race([answered, late]);
  });
  assertEquals(await send(), [503, "at_capacity"]);
  const small = await router.post("/chat/completions", CHAT);
  assertEquals([small.status, await small.text()], [200, '{"ok":true}'], "small ones have room");
  first.close();
  await until("there is room again", async () => (await send())[0] === 200);
});

Deno.test("promise 37: a client that stalls on a stream of a gigabyte holds the engine back, and costs the router little", async () => {
  await using stack = new AsyncDisposableStack();
  let sent = 0;
  const peer = stack.use(startEnginePeer(async (conn) => {
    await conn.write(STREAM_HEAD);
    const event = chunk(`data: ${"x".repeat(64_000)}\n\n`);
    while (sent < 1024 * MIB && !conn.ended && await conn.write(event)) sent += event.length;
  }));
  const router = stack.use(
    await RouterProcess.start(backendsYaml([`http://127.0.0.1:${peer.port}`])),
  );
  for (let i = 0; i < 50; i++) await (await router.fetch("/stats")).text();
  const before = resident(router.pid);
  const clients = await Promise.all(Array.from({ length: 8 }, async () => {
    const client = await RawClient.connect(router.port);
    await client.write(`${PATH}content-length: ${STREAM.length}\r\n\r\n${STREAM}`);
    return client;
  }));
  let last = -1;
  await until("the engine is held back", async () => {
    const same = sent === last;
    last = sent;
    await new Promise((resolve) => setTimeout(resolve, 200)); // so long it gets nothing out
    return same && sent > 0;
  });
  const grown = resident(router.pid) - before;
  for (const client of clients) client.close();
  assert(sent < 200 * MIB, `${sent / MIB} MiB were taken from the engine`);
  assert(grown < 16 * clients.length, `${grown} MiB more for ${clients.length} streams`);
});

Deno.test({
  name: "promise 68: thousands of clients that break off leave nothing behind",
  ignore: Deno.env.has("PLAIN_SERVE"), // which has its own ups and downs
  async fn(): Promise<void> {
    await using stack = new AsyncDisposableStack();
    const peer = stack.use(
      startEnginePeer((conn) => conn.write(STREAM_HEAD + "9\r\ndata: 1\n\n\r\n")),
    );
    const router = stack.use(
      await RouterProcess.start(backendsYaml([`http://127.0.0.1:${peer.port}`])),
    );
    const leave = async (count: number): Promise<void> => {
      let left = count;
      await Promise.all(Array.from({ length: 20 }, async () => {
        while (left-- > 0) {
          using client = await RawClient.connect(router.port);
          await client.write(`${PATH}content-length: ${STREAM.length}\r\n\r\n${STREAM}`);
          await client.until("data: 1");
          router.log.length = 0;
        }
      }));
    };
    await leave(8000); // as much as it ever needs
    const before = resident(router.pid);
    await leave(8000);
    const grown = resident(router.pid) - before;
    assert(grown < 12, `${grown} MiB more for 8000 clients; a leak of 2 KB each would be 16`);
  },
});
