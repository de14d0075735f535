import { assert, assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { idle } from "../support/idle.ts";
import { RawClient, rawPost } from "../support/raw_client.ts";
import { until } from "../support/until.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";

/** How soon an engine must be rid of a call whose client has left (promise 6). */
const PROMPT_MS = 100;

async function idleStats(router: RouterProcess): Promise<Record<string, unknown>> {
  await until("the place is given back", async () => (await router.stats("a"))["in_flight"] === 0);
  return await router.stats("a");
}

for (
  const [when, options, phase] of [
    ["before the head", { fault: "stall_before_head" }, "head"],
    ["behind the head", { fault: "stall_after_head" }, "body"],
    ["in mid-stream, the engine silent", { fault: "stall_mid_stream" }, "body"],
    ["in mid-stream, the engine talking", { tokensPerSecond: 50, maxTokens: 10_000 }, "body"],
  ] as const
) {
  Deno.test(`promise 6: a client that leaves ${when} frees the engine at once and blames nobody`, async () => {
    await using sim = Sim.start({ models: ["m"], timeToFirstTokenMs: 0, ...options });
    await using other = Sim.start();
    await using router = await RouterProcess.start(
      backendsYaml([sim.url, other.url], ["models: [m]", "models: [other]"]),
    );
    const body = JSON.stringify(chat("m", "hi", { stream: true, max_tokens: 5000 }));
    const took: number[] = [];
    // A busy machine may be late now and then, a router that waits is so each time.
    while (took.length < 5 && !took.some((ms) => ms <= PROMPT_MS)) {
      const id = `leaving-${took.length}`;
      using client = await RawClient.connect(router.port);
      await client.write(rawPost("/v1/chat/completions", body, [`x-request-id: ${id}`]));
      if (when.startsWith("in mid-stream")) await client.until('"content":"');
      else await until("the engine has the call", () => sim.running > 0);
      const left = Date.now();
      client.close();
      await idle(sim);
      took.push(sim.calls.at(-1)!.endedAt! - left);
      assertEquals(sim.calls.at(-1)!.ended, "client_left");
      const line = await router.call(id);
      const { status, code, outcome, attempts } = line;
      assertEquals([status, code, outcome, attempts], [499, "client_closed", "client_left", 1]);
      assertEquals(line["phase"], phase);
    }
    assert(took.some((ms) => ms <= PROMPT_MS), `${took} ms`);
    const stats = await idleStats(router);
    assertEquals([stats["error_count"], stats["healthy"]], [0, true]);
    assertEquals(other.calls.length, 0);
  });
}

Deno.test("promise 6: a client that leaves while its body is still being read is logged as 499 and sent nowhere", async () => {
  await using sim = Sim.start();
  await using router = await RouterProcess.start(backendsYaml([sim.url]));
  using client = await RawClient.connect(router.port);
  await client.write(
    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-request-id: half\r\ncontent-length: 1000\r\n\r\n{",
  );
  // Deno hands over the request once its head is here; the log has nothing yet to wait for.
  await (await router.fetch("/livez")).body?.cancel();
  client.close();
  const line = await router.call("half");
  assertEquals([line["status"], line["phase"], line["attempts"]], [499, "upload", 0]);
  assertEquals(sim.calls.length, 0);
});

Deno.test("a client that leaves during a retry causes no further attempt", async () => {
  await using slow = Sim.start({ fault: "stall_before_head" });
  await using never = Sim.start();
  await using router = await RouterProcess.start(
    `${
      backendsYaml([slow.url, never.url], ["weight: 100", "weight: 1"])
    }routing: { policy: round_robin }\n`,
  );
  using client = await RawClient.connect(router.port);
  await client.write(
    rawPost("/v1/chat/completions", JSON.stringify(chat("sim")), ["x-request-id: gone"]),
  );
  await until("the engine has the call", () => slow.running > 0);
  client.close();
  assertEquals((await router.call("gone"))["attempts"], 1);
  await idle(slow);
  assertEquals(never.calls.length, 0);
});
