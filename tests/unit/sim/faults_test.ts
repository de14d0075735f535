import { assert, assertEquals, assertRejects } from "@std/assert";
import { Sim, type SimOptions } from "../../../src/sim/sim.ts";
import { idle } from "../../support/idle.ts";
import { RawClient } from "../../support/raw_client.ts";
import { until } from "../../support/until.ts";
import { withClient } from "./with_client.ts";

const FAST = { timeToFirstTokenMs: 0, tokensPerSecond: 0 };
const GET_HEALTH = "GET /health HTTP/1.1\r\nhost: sim\r\n\r\n";
const STREAM = { messages: [{ role: "user", content: "hi" }], stream: true };
const WHOLE = { messages: [{ role: "user", content: "hi" }] };

function start(options: SimOptions): Sim {
  return Sim.start({ ...FAST, ...options });
}

Deno.test("refuse: new connections are refused, idle ones closed, and none brings it back", async () => {
  const sim = start({});
  await withClient(sim, async (client) => {
    await client.write(GET_HEALTH);
    await client.answer();
    sim.setFault("refuse");
    assertEquals([await client.rest(), client.end], ["", "fin"]);
    await assertRejects(() => RawClient.connect(sim.port), Deno.errors.ConnectionRefused);
    sim.setFault("none");
    const second = await RawClient.connect(sim.port);
    await second.write(GET_HEALTH);
    assertEquals((await second.answer()).status, 200);
    second.close();
  });
});

Deno.test("refuse: an answer that is under way still comes to its end", async () => {
  const sim = start({ timeToFirstTokenMs: 30 });
  await withClient(sim, async (client) => {
    await client.post("/chat/completions", STREAM);
    await client.until("\r\n\r\n");
    sim.setFault("refuse");
    assert((await client.rest()).endsWith("data: [DONE]\n\n\r\n0\r\n\r\n"));
  });
});

Deno.test("loadMs: connections are refused first and accepted later on the same port", async () => {
  const sim = start({ loadMs: 30 });
  await assertRejects(() => RawClient.connect(sim.port), Deno.errors.ConnectionRefused);
  await until(
    "it accepts",
    () => RawClient.connect(sim.port).then((client) => (client.close(), true), () => false),
  );
  await healthy(sim);
  await sim.stop();
});

Deno.test("loadMs: an engine that is stopped while it loads leaves nothing behind", async () => {
  await start({ loadMs: 60_000 }).stop();
});

Deno.test("reset: the client sees ECONNRESET instead of an answer", async () => {
  const sim = start({ fault: "reset" });
  await withClient(sim, async (client) => {
    await client.post("/chat/completions", STREAM);
    assertEquals([await client.rest(), client.end], ["", "reset"]);
    const [call] = sim.calls;
    assertEquals(call?.body, JSON.stringify(STREAM).slice(0, -1));
    assertEquals(call?.ended, "fault");
  });
});

Deno.test("reset: armed at run time it hits a connection that is kept alive, but not /health", async () => {
  const sim = start({});
  await withClient(sim, async (client) => {
    await client.post("/chat/completions", WHOLE);
    assertEquals((await client.answer()).status, 200);
    sim.setFault("reset");
    await client.write(GET_HEALTH);
    assertEquals((await client.answer()).status, 200);
    await client.post("/chat/completions", WHOLE);
    assertEquals([await client.rest(), client.end], ["", "reset"]);
  });
});

Deno.test("reset: a call with a large body, or with a chunked one, is reset as well", async () => {
  const chunked =
    "POST /tokenize HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
  const bodies = ["x".repeat(1_000_000), "xx"];
  for (const body of bodies) {
    await withClient(start({ fault: "reset" }), async (client) => {
      await client.post("/tokenize", { body });
      assertEquals([await client.rest(), client.end], ["", "reset"]);
    });
  }
  await withClient(start({ fault: "reset" }), async (client) => {
    await client.write(chunked);
    assertEquals([await client.rest(), client.end], ["", "reset"]);
  });
});

Deno.test("close: the connection ends before any byte of the answer", async () => {
  const sim = start({ fault: "close" });
  await withClient(sim, async (client) => {
    await client.post("/chat/completions", WHOLE);
    assertEquals([await client.rest(), client.end], ["", "fin"]);
    assertEquals(sim.calls[0]?.body, JSON.stringify(WHOLE));
    assertEquals(sim.calls[0]?.ended, "fault");
  });
});

Deno.test("stall_before_head: nothing comes until the client leaves", async () => {
  const sim = start({ fault: "stall_before_head" });
  await withClient(sim, async (client) => {
    await client.post("/chat/completions", STREAM);
    const rest = client.rest();
    await healthy(sim);
    assertEquals(sim.running, 1);
    client.close();
    assertEquals([await rest, client.end], ["", "ours"]);
    await idle(sim);
    assertEquals(sim.calls[0]?.ended, "client_left");
  });
});

Deno.test("stall_after_head: the 200 head comes, and nothing else", async () => {
  for (
    const [body, type] of [[STREAM, "text/event-stream"], [WHOLE, "application/json"]] as const
  ) {
    const sim = start({ fault: "stall_after_head" });
    await withClient(sim, async (client) => {
      await client.post("/chat/completions", body);
      const head = await client.until("\r\n\r\n");
      assert(head.startsWith("HTTP/1.1 200 OK\r\n") && head.includes(type), head);
      const rest = client.rest();
      await healthy(sim);
      client.close();
      assertEquals([await rest, client.end], ["", "ours"]);
      await idle(sim);
      assertEquals(sim.calls[0]?.ended, "client_left");
    });
  }
});

Deno.test("die_mid_stream: the stream ends after some tokens without its last chunk", async () => {
  const sim = start({ fault: "die_mid_stream", faultAfter: 2 });
  await withClient(sim, async (client) => {
    await client.post("/chat/completions", STREAM);
    const text = await client.rest();
    assertEquals(text.match(/"delta":\{"content":/g)?.length, 2);
    assert(text.endsWith('"finish_reason":null}]}\n\n\r\n'), text);
    assertEquals(sim.calls[0]?.ended, "fault");
  });
});

Deno.test("die_mid_stream: of a whole answer half of the announced body comes", async () => {
  const paths = ["/chat/completions", "/embeddings", "/v1/rerank"];
  for (const path of paths) {
    await withClient(start({ fault: "die_mid_stream" }), async (client) => {
      await client.post(path, WHOLE);
      const [head = "", body = ""] = (await client.rest()).split("\r\n\r\n");
      const announced = Number(/content-length: (\d+)/.exec(head)?.[1]);
      assertEquals(body.length, Math.floor(announced / 2));
    });
  }
});

Deno.test("stall_mid_stream: three tokens come, then nothing until the client leaves", async () => {
  const sim = start({ fault: "stall_mid_stream" });
  await withClient(sim, async (client) => {
    await client.post("/completions", { prompt: "echo:one two three four", stream: true });
    await client.until('" three"');
    await client.until("\n\n\r\n");
    const rest = client.rest();
    await healthy(sim);
    client.close();
    assertEquals([await rest, client.end], ["", "ours"]);
    await idle(sim);
    assertEquals(sim.calls[0]?.ended, "client_left");
  });
});

Deno.test("error_*: calls get an OpenAI error, and may try again later where that helps", async () => {
  const cases = [["error_500", 500, null], ["error_503", 503, "1"], [
    "error_429",
    429,
    "1",
  ]] as const;
  for (const [fault, expected, retryAfter] of cases) {
    await withClient(start({ fault }), async (client) => {
      await client.post("/v1/chat/completions", STREAM);
      const { status, headers, body } = await client.answer();
      assertEquals(status, expected);
      assertEquals(headers.get("retry-after"), retryAfter);
      assertEquals(Object.keys(JSON.parse(body).error), ["message", "type", "param", "code"]);
      await client.write(GET_HEALTH);
      assertEquals((await client.answer()).status, 200);
    });
  }
});

Deno.test("fail_health: /health fails, calls and models work", async () => {
  const sim = start({ fault: "fail_health" });
  await withClient(sim, async (client) => {
    await client.write(GET_HEALTH);
    assertEquals((await client.answer()).status, 503);
    await client.post("/chat/completions", WHOLE);
    assertEquals((await client.answer()).status, 200);
    await client.write("GET /v1/models HTTP/1.1\r\n\r\n");
    assertEquals((await client.answer()).status, 200);
    assertEquals(sim.healthChecks, 1);
  });
});

Deno.test("slow_health: /health keeps its client waiting, calls work", async () => {
  const sim = start({ fault: "slow_health" });
  await withClient(sim, async (client) => {
    await client.write(GET_HEALTH);
    const rest = client.rest();
    const other = await RawClient.connect(sim.port);
    await other.post("/chat/completions", WHOLE);
    assertEquals((await other.answer()).status, 200);
    other.close();
    assertEquals(sim.healthChecks, 1);
    client.close();
    assertEquals([await rest, client.end], ["", "ours"]);
  });
});

Deno.test("faultRate hits a share of the calls, the same ones for the same seed", async () => {
  async function statuses(): Promise<number[]> {
    const sim = start({ fault: "error_500", faultRate: 0.5, seed: 3 });
    const seen: number[] = [];
    await withClient(sim, async (client) => {
      for (let call = 0; call < 20; call++) {
        await client.post("/tokenize", {});
        seen.push((await client.answer()).status);
      }
    });
    return seen;
  }
  const seen = await statuses();
  assertEquals(new Set(seen), new Set([200, 500]));
  assertEquals(await statuses(), seen);
});

/** A check over a second connection: by then the engine has dealt with what came before. */
async function healthy(sim: Sim): Promise<void> {
  const client = await RawClient.connect(sim.port);
  await client.write(GET_HEALTH);
  assertEquals((await client.answer()).status, 200);
  client.close();
}
