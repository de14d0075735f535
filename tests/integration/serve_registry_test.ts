import { assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { freePort } from "../support/free_port.ts";
import { chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

function yamlOf(port: number, stateFile: string): string {
  return `discovery: [{ serve_registry: { listen: "127.0.0.1:${port}", removal_grace: 0s } }]\n` +
    `state_file: "${stateFile}"\nhealth: { interval: 200ms, timeout: 200ms }\n`;
}

/** What a babysitter tells of its engine. */
function engineOf(name: string, sim: Sim): Record<string, unknown> {
  return {
    name: `${name}-server`,
    host: "127.0.0.1",
    port: sim.port,
    hostname: "node",
    url: sim.url,
    status: "running",
    metadata: { type: "openai-api", parent_service: name, models: ["m"], cache_type: "static" },
  };
}

async function tell(port: number, what: string, body?: unknown): Promise<number> {
  const [method = "", path = ""] = what.split(" ");
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    ...(body === undefined ? {} : {
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    }),
  });
  await answer.body?.cancel();
  return answer.status;
}

function serves(router: RouterProcess, service: string): Promise<void> {
  return until(`${service} serves the model`, async () => {
    const answer = await router.post("/v1/chat/completions", chat("m"));
    await answer.text();
    return answer.status === 200 && answer.headers.get("x-infinilm-service") === service;
  });
}

Deno.test("babysitters register straight with a router, and need not again when it restarts", async () => {
  await using a = Sim.start({ models: ["m"], engine: "infinilm" });
  await using b = Sim.start({ models: ["m"], engine: "infinilm" });
  const folder = await Deno.makeTempDir();
  const port = freePort();
  const yaml = yamlOf(port, `${folder}/state.json`);
  {
    await using router = await RouterProcess.start(yaml, { healthy: false });
    assertEquals((await router.post("/v1/chat/completions", chat("m"))).status, 503);
    assertEquals(await tell(port, "POST /services", engineOf("a", a)), 201);
    await serves(router, "a-server");
    const { services, sources } = await (await router.fetch("/services")).json();
    assertEquals([services[0].max_in_flight, services[0].engine], [1, "infinilm"]);
    assertEquals(sources.map(({ backends }: { backends: number }) => backends), [0, 1]);
    router.signal("SIGTERM");
    assertEquals((await router.status).code, 0);
  }
  await using router = await RouterProcess.start(yaml, { healthy: false });
  await serves(router, "a-server");
  assertEquals(await tell(port, "POST /services/a-server/heartbeat"), 200);
  assertEquals(await tell(port, "POST /services", { ...engineOf("a", b) }), 201);
  await until("the new address has its calls", async () => {
    await (await router.post("/v1/chat/completions", chat("m"))).text();
    return b.calls.length > 0;
  });
  assertEquals(await tell(port, "DELETE /services/a-server"), 200);
  await until("nobody serves it", async () => {
    const answer = await router.post("/v1/chat/completions", chat("m"));
    await answer.text();
    return answer.status === 503;
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a router whose registry cannot have its port says so and ends", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const yaml = `discovery: [{ serve_registry: { listen: "127.0.0.1:${taken.addr.port}" } }]\n`;
  const error = await RouterProcess.start(yaml, { healthy: false }).catch((error: Error) => error);
  assertEquals(error instanceof Error && error.message.includes(String(taken.addr.port)), true);
});
