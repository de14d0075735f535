import { assertEquals } from "@std/assert";
import { Sim } from "../../../src/sim/sim.ts";
import { idle } from "../../support/idle.ts";
import { RawClient } from "../../support/raw_client.ts";
import { until } from "../../support/until.ts";
import { chat, get, post, readWhole, withInfiniLm } from "./infinilm_client.ts";

async function stream(sim: Sim, body: object): Promise<RawClient> {
  const client = await RawClient.connect(sim.port);
  await client.post("/chat/completions", { ...body, stream: true });
  await client.until("\r\n\r\n");
  return client;
}

Deno.test("InfiniLM: the 200 comes before the turn, and before anything is looked at", async () => {
  await withInfiniLm({ kv: "static", timeToFirstTokenMs: 60_000 }, async (sim) => {
    using _first = await stream(sim, chat("x"));
    using second = await stream(sim, chat("x"));
    assertEquals([sim.running, sim.waiting, sim.steps], [1, 1, 0]);
    assertEquals(second.received, "");
    using whole = await RawClient.connect(sim.port);
    await whole.post("/chat/completions", chat("x"));
    await until("it waits, too", () => sim.waiting === 2);
    await get(sim, "/health");
    assertEquals(whole.received, "");
  });
});

Deno.test("InfiniLM: calls are recorded with how they ended and what the prefix cache saved", async () => {
  await withInfiniLm({ kv: "static" }, async (sim) => {
    for (const content of ["a ".repeat(205), "a ".repeat(205), "b ".repeat(205)]) {
      await post(sim, chat(content.trim()));
    }
    await post(sim, "{");
    await idle(sim);
    assertEquals(
      sim.calls.map(({ ended, computedTokens }) => [ended, computedTokens]),
      [["completed", 210], ["completed", 2], ["completed", 210], ["completed", undefined]],
    );
  });
});

Deno.test("InfiniLM: a stream whose client leaves costs no further step, also while it waits", async () => {
  await withInfiniLm({ kv: "static", tokensPerSecond: 1 }, async (sim) => {
    using running = await stream(sim, chat("x", { max_tokens: 100 }));
    await running.until('"text": "');
    using waiting = await stream(sim, chat("x"));
    waiting.close();
    await until("it has left the queue", () => sim.waiting === 0);
    running.close();
    await idle(sim);
    assertEquals(sim.calls.map(({ ended }) => ended), ["client_left", "client_left"]);
    assertEquals(sim.steps, 1);
  });
});

Deno.test("InfiniLM: a whole answer whose client leaves is dropped a step later", async () => {
  await withInfiniLm({ kv: "static", tokensPerSecond: 500 }, async (sim) => {
    using client = await RawClient.connect(sim.port);
    await client.post("/chat/completions", chat("x", { max_tokens: 4000 }));
    await until("it runs", () => sim.steps > 0);
    client.close();
    await idle(sim);
    assertEquals(sim.calls[0]?.ended, "client_left");
    const { usage } = readWhole(await post(sim, chat("x")));
    assertEquals(usage.completion_tokens, 3);
  });
});

Deno.test("InfiniLM: a client that closes its sending side is dropped without an answer", async () => {
  await withInfiniLm({ timeToFirstTokenMs: 60_000 }, async (sim) => {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: sim.port });
    const body = JSON.stringify(chat("x"));
    const head = `POST /chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}`;
    await conn.write(new TextEncoder().encode(`${head}\r\n\r\n${body}`));
    await until("the call has come", () => sim.running === 1);
    await conn.closeWrite();
    assertEquals(await conn.read(new Uint8Array(10)), null);
    await idle(sim);
    assertEquals(sim.calls[0]?.ended, "client_left");
    conn.close();
  });
});

Deno.test("InfiniLM: a call that takes too long ends with timeout; a stream says so in its text", async () => {
  const options = {
    kv: "static",
    tokensPerSecond: 4, // long enough for both to be late before the next step
    requestTimeoutMs: 30,
    tokenTimeoutMs: 10,
  } as const;
  await withInfiniLm(options, async (sim) => {
    using running = await stream(sim, chat("x", { max_tokens: 1000 }));
    const queued = await post(sim, chat("y", { max_tokens: 1000 }));
    const { text, why, usage } = readWhole(queued);
    assertEquals([text, why, usage.completion_tokens], ["", "timeout", 0]);
    const said = '"text": "[Request timeout]", "delta": {"content": "[Request timeout]"}, ' +
      '"logprobs": null, "finish_reason": "timeout"}]}\n\n\r\n';
    await running.until(said);
    assertEquals(await running.until("0\r\n\r\n"), "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
  });
});

Deno.test("InfiniLM: static answers come one after the other, first in, first out", async () => {
  await withInfiniLm({ kv: "static", tokensPerSecond: 2000 }, async (sim) => {
    const order: string[] = [];
    const clients = [];
    for (const name of ["a", "b", "c"]) {
      const client = await stream(sim, chat(`echo:${name}`, { max_tokens: 8 }));
      clients.push(client.until("[DONE]").then(() => (order.push(name), client.close())));
    }
    await Promise.all(clients);
    assertEquals(order, ["a", "b", "c"]);
  });
});

Deno.test("InfiniLM: prefillTokensPerSecond makes long prompts take longer, cached ones not", async () => {
  await withInfiniLm({ kv: "static", prefillTokensPerSecond: 1000 }, async (sim) => {
    const took: number[] = [];
    for (const _ of ["new", "cached"]) {
      const before = performance.now();
      await post(sim, chat("a ".repeat(205).trim(), { max_tokens: 1 }));
      took.push(performance.now() - before);
    }
    const [first = 0, second = 0] = took;
    assertEquals([first >= 209, second < first], [true, true], `${took}`);
  });
});
