import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Sim } from "../../../src/sim/sim.ts";
import { idle } from "../../support/idle.ts";
import { RawClient, rawPost } from "../../support/raw_client.ts";
import { withClient } from "./with_client.ts";

const FAST = { timeToFirstTokenMs: 0, tokensPerSecond: 0 };
const GET_HEALTH = "GET /health HTTP/1.1\r\nhost: sim\r\n\r\n";

Deno.test("the server answers one request after the other on one connection", async () => {
  await withClient(Sim.start(FAST), async (client) => {
    for (const name of ["one", "two", "three"]) {
      await client.post("/completions", { prompt: `echo:${name}` });
      const { status, body } = await client.answer();
      assertEquals(status, 200);
      assert(JSON.parse(body).choices[0].text.startsWith(`${name} `));
    }
  });
});

Deno.test("the server answers pipelined requests in order", async () => {
  const sim = Sim.start({ timeToFirstTokenMs: 5 });
  await withClient(sim, async (client) => {
    const names = Array.from({ length: 30 }, (_, index) => `n${index}`);
    const requests = names.map((name) =>
      rawPost("/tokenize", JSON.stringify({ name: name.repeat(100) }))
    );
    await client.write(rawPost("/completions", '{"prompt":"echo:first"}') + requests.join(""));
    await client.write(GET_HEALTH);
    assert((await client.answer()).body.includes("first "));
    for (const _ of names) assert((await client.answer()).body.includes("/tokenize"));
    assertEquals((await client.answer()).body, '{"status":"healthy"}');
    assertEquals(
      sim.calls.slice(1).map((call) => JSON.parse(call.body).name),
      names.map((name) => name.repeat(100)),
    );
  });
});

Deno.test("the server reads a request that comes byte by byte", async () => {
  await withClient(Sim.start(FAST), async (client) => {
    for (const byte of rawPost("/completions", '{"prompt":"echo:slow"}')) await client.write(byte);
    assert((await client.answer()).body.includes("slow "));
  });
});

Deno.test("the server reads a chunked body with extensions and trailers", async () => {
  const sim = Sim.start(FAST);
  await withClient(sim, async (client) => {
    const head = "POST /completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
    await client.write(`${head}4\r\n{"pr\r\nC;x=1\r\nompt":"echo:`);
    await client.write('\r\n5\r\nall"}\r\n0\r\nx-trailer: 1\r\n\r\n' + GET_HEALTH);
    assert((await client.answer()).body.includes("all "));
    assertEquals((await client.answer()).status, 200);
    assertEquals(sim.calls[0]?.body, '{"prompt":"echo:all"}');
  });
});

Deno.test("the server reads a body of many megabytes", async () => {
  const sim = Sim.start(FAST);
  await withClient(sim, async (client) => {
    const text = "x".repeat(5 * 1024 * 1024);
    await client.post("/tokenize", { text });
    assertEquals((await client.answer()).status, 200);
    assertEquals(sim.calls[0]?.body, JSON.stringify({ text }));
  });
});

Deno.test("the server answers expect: 100-continue before the body is sent", async () => {
  await withClient(Sim.start(FAST), async (client) => {
    await client.write(
      "POST /tokenize HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n",
    );
    assertEquals(await client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    await client.write("{}");
    assertEquals((await client.answer()).status, 200);
  });
});

Deno.test("the server answers a malformed request with 400 and closes", async () => {
  const malformed = [
    "nonsense\r\n\r\n",
    "POST /tokenize HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    `GET / HTTP/1.1\r\nx: ${"y".repeat(100_000)}`,
  ];
  for (const text of malformed) {
    await withClient(Sim.start(FAST), async (client) => {
      await client.write(text);
      const { status, headers } = await client.answer();
      assertEquals(status, 400);
      assertEquals(headers.get("connection"), "close");
    });
  }
});

Deno.test("the server closes after connection: close", async () => {
  await withClient(Sim.start(FAST), async (client) => {
    await client.write("GET /health HTTP/1.1\r\nconnection: close\r\n\r\n");
    assertMatch(await client.rest(), /connection: close\r\n\r\n\{"status":"healthy"\}$/);
  });
});

Deno.test("the server closes a connection on which nothing is asked", async () => {
  await withClient(Sim.start({ ...FAST, idleCloseMs: 30 }), async (client) => {
    await client.write(GET_HEALTH);
    assertEquals((await client.answer()).headers.get("connection"), null);
    assertEquals([await client.rest(), client.end], ["", "fin"]);
  });
});

Deno.test("the server does not take a long answer for an idle connection", async () => {
  const sim = Sim.start({ timeToFirstTokenMs: 60, idleCloseMs: 20 });
  await withClient(sim, async (client) => {
    await client.post("/completions", { prompt: "echo:late", max_tokens: 1 });
    assert((await client.answer()).body.includes("late"));
  });
});

Deno.test("stop() cuts running answers and idle connections and frees the port", async () => {
  const sim = Sim.start({ tokensPerSecond: 1 });
  const unused = await RawClient.connect(sim.port);
  const busy = await RawClient.connect(sim.port);
  await busy.post("/completions", { prompt: "hi", stream: true });
  await busy.until("data: ");
  await sim.stop();
  assertEquals([await unused.rest(), unused.end], ["", "fin"]);
  assert(!(await busy.rest()).includes("[DONE]"));
  assertEquals(sim.calls[0]?.ended, "fault");
  assertEquals(sim.running, 0);
  await assertRejects(() => RawClient.connect(sim.port), Deno.errors.ConnectionRefused);
  unused.close();
  busy.close();
});

Deno.test("stop() does not wait for a client that does not read its answer", async () => {
  const sim = Sim.start(FAST);
  const client = await RawClient.connect(sim.port);
  await client.post("/completions", { prompt: "hi", stream: true, max_tokens: 131_072 });
  await client.until("data: ");
  await sim.stop();
  client.close();
  await idle(sim);
  assert(sim.calls[0]?.ended === "fault");
});
