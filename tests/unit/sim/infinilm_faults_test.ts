import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Sim } from "../../../src/sim/sim.ts";
import { idle } from "../../support/idle.ts";
import { RawClient } from "../../support/raw_client.ts";
import { until } from "../../support/until.ts";
import { chat, get, post, readStream, readWhole, withInfiniLm } from "./infinilm_client.ts";

const ENDLESS = { max_tokens: 100_000 };
const SLOW = { kv: "paged", tokensPerSecond: 200 } as const;

/** Begins a call; of a stream the head is read, which comes from dead and hung engines, too. */
async function begin(sim: Sim, body: object): Promise<RawClient> {
  const before = sim.running + sim.waiting;
  const client = await RawClient.connect(sim.port);
  await client.post("/v1/chat/completions", body);
  if ("stream" in body) await client.until("\r\n\r\n");
  await until("the call has come", () => sim.running + sim.waiting > before);
  return client;
}

/** Closes the clients; gives what had come for them and had not been read. */
async function leave(sim: Sim, clients: RawClient[]): Promise<string[]> {
  const rests = clients.map((client) => client.rest());
  await get(sim, "/health"); // by then the engine has dealt with what came before
  for (const client of clients) client.close();
  const said = await Promise.all(rests);
  await idle(sim);
  return said;
}

/** What holds of an engine whose step thread has ended, however. */
async function assertDead(sim: Sim): Promise<void> {
  assertEquals((await get(sim, "/health")).status, 503);
  assertEquals((await get(sim, "/health")).body, '{"status":"unhealthy"}');
  assertEquals((await get(sim, "/v1/models")).status, 200);
  assertEquals((await post(sim, "{")).status, 400);
  assertEquals((await post(sim, chat("x", { temperature: "a" }))).status, 500);
  const steps = sim.steps;
  const clients = [await begin(sim, chat("x", { stream: true })), await begin(sim, chat("x"))];
  assertEquals(await leave(sim, clients), ["", ""]);
  assertEquals(sim.steps, steps);
}

Deno.test("InfiniLM: dead_engine: health 503 for ever, what runs is silent, what comes hangs", async () => {
  await withInfiniLm(SLOW, async (sim) => {
    const stream = await begin(sim, chat("x", { ...ENDLESS, stream: true }));
    const whole = await begin(sim, chat("x", ENDLESS));
    await stream.until('"text": "');
    sim.setFault("dead_engine");
    const [rest, nothing] = await leave(sim, [stream, whole]);
    assert(!rest!.includes("[DONE]"));
    assertEquals(nothing, "");
    await assertDead(sim);
  });
});

Deno.test("InfiniLM: a stop of a wrong type kills the engine at the first token", async () => {
  for (const stop of [5, true, ["x", 5]]) {
    for (const more of [{ stop }, { sampling_params: { stop } }]) {
      await withInfiniLm({}, async (sim) => {
        const poison = await begin(sim, chat("x", { ...more, stream: true }));
        await until("the engine is dead", async () => (await get(sim, "/health")).status === 503);
        assertEquals(await leave(sim, [poison]), [""]);
        await assertDead(sim);
      });
    }
  }
});

Deno.test("InfiniLM: an engine that died comes back with none as after a restart", async () => {
  await withInfiniLm(SLOW, async (sim) => {
    using stream = await begin(sim, chat("x", { ...ENDLESS, stream: true }));
    await stream.until('"text": "');
    sim.setFault("dead_engine");
    sim.setFault("none");
    await stream.rest();
    assertEquals(stream.end, "fin");
    await idle(sim);
    assertEquals(sim.calls[0]?.ended, "fault");
    assertEquals((await get(sim, "/health")).status, 200);
    assertEquals(readWhole(await post(sim, chat("echo:a b c"))).text, "a b");
  });
});

Deno.test("InfiniLM: hung_step: health 200, all silent; released, all goes on to a normal end", async () => {
  await withInfiniLm({ ...SLOW, tokensPerSecond: 1000 }, async (sim) => {
    using stream = await begin(sim, chat("x", { max_tokens: 40, stream: true }));
    await stream.until('"text": "');
    sim.setFault("hung_step");
    using late = await begin(sim, chat("echo:a b c", { stream: true }));
    using whole = await begin(sim, chat("echo:a b c"));
    assertEquals((await get(sim, "/health")).status, 200);
    assertEquals((await get(sim, "/v1/models")).status, 200);
    const steps = sim.steps;
    await get(sim, "/health");
    assertEquals([sim.steps, late.received, whole.received], [steps, "", ""]);
    sim.setFault("none");
    await stream.until("[DONE]");
    assert((await late.until("[DONE]")).includes('"length"'));
    assertEquals(readWhole(await whole.answer()).text, "a b");
    await idle(sim);
    assertEquals(sim.calls.map(({ ended }) => ended), ["completed", "completed", "completed"]);
  });
});

Deno.test("InfiniLM: out_of_memory: the process is gone, connections close bare, then refused", async () => {
  await withInfiniLm(SLOW, async (sim) => {
    using stream = await begin(sim, chat("x", { ...ENDLESS, stream: true }));
    using whole = await begin(sim, chat("x", ENDLESS));
    using unused = await RawClient.connect(sim.port);
    await stream.until('"text": "');
    sim.setFault("out_of_memory");
    const rest = await stream.rest();
    assert(!rest.includes("[DONE]") && !rest.endsWith("0\r\n\r\n"));
    assertEquals([stream.end, await whole.rest(), await unused.rest()], ["fin", "", ""]);
    await assertRejects(() => RawClient.connect(sim.port), Deno.errors.ConnectionRefused);
    await idle(sim);
    sim.setFault("none");
    assertEquals((await get(sim, "/health")).status, 200);
    assertEquals((await post(sim, chat("x"))).status, 200);
  });
});

Deno.test("InfiniLM: paged, a prompt and max_tokens beyond the cache hang, others are served", async () => {
  await withInfiniLm({ kv: "paged" }, async (sim) => {
    const huge = await begin(sim, chat("x", { max_tokens: 131_072, stream: true }));
    assertEquals((await post(sim, chat("x"))).status, 200);
    assertEquals([sim.running, sim.waiting], [0, 1]);
    assertEquals(await leave(sim, [huge]), [""]);
  });
});

Deno.test("InfiniLM: faults of single calls work as with the other engine, errors in its own form", async () => {
  const cases = [["error_500", 500], ["error_503", 503], ["error_429", 429]] as const;
  for (const [fault, expected] of cases) {
    await withInfiniLm({ fault }, async (sim) => {
      const { status, body } = await post(sim, chat("x", { stream: true }));
      assertEquals([status, typeof JSON.parse(body).error], [expected, "string"]);
      assertEquals((await get(sim, "/health")).status, 200);
    });
  }
  await withInfiniLm({ fault: "fail_health" }, async (sim) => {
    assertEquals((await get(sim, "/health")).body, '{"status":"unhealthy"}');
    assertEquals((await post(sim, chat("x"))).status, 200);
  });
  for (const [fault, end] of [["reset", "reset"], ["close", "fin"]] as const) {
    await withInfiniLm({ fault }, async (sim) => {
      using client = await RawClient.connect(sim.port);
      await client.post("/chat/completions", chat("x"));
      assertEquals([await client.rest(), client.end], ["", end]);
    });
  }
});

Deno.test("InfiniLM: a stream breaks off or stalls after some tokens, and the engine drops it", async () => {
  for (const fault of ["die_mid_stream", "stall_mid_stream"] as const) {
    await withInfiniLm({ kv: "paged", fault, faultAfter: 2 }, async (sim) => {
      using client = await RawClient.connect(sim.port);
      await client.post("/chat/completions", chat("x", { ...ENDLESS, stream: true }));
      await client.until('"text": "');
      await client.until('"text": "');
      await client.until("\n\n\r\n");
      if (fault === "stall_mid_stream") await leave(sim, [client]);
      else assertEquals([await client.rest(), client.end], ["", "fin"]);
      await idle(sim);
      assertEquals(sim.waiting, 0);
      sim.setFault("none");
      readStream(await post(sim, chat("x", { stream: true })));
    });
  }
});

Deno.test("InfiniLM: loadMs: connections are refused until it is ready", async () => {
  await withInfiniLm({ loadMs: 30 }, async (sim) => {
    await assertRejects(() => RawClient.connect(sim.port), Deno.errors.ConnectionRefused);
    await until("it accepts", () => get(sim, "/health").then(() => true, () => false));
  });
});

Deno.test("the OpenAI-like engine has none of InfiniLM's own faults, and says so", async () => {
  const sim = Sim.start();
  for (const fault of ["dead_engine", "hung_step", "out_of_memory"] as const) {
    assertThrows(() => sim.setFault(fault), Error, `${fault} needs engine "infinilm"`);
  }
  await sim.stop();
  assertThrows(() => Sim.start({ fault: "hung_step" }), Error, "hung_step needs engine");
});
