import { assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

/** A registry as InfiniLM-SVC's: it says of every entry that its babysitter lives, that it is well. */
class ScriptedRegistry implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  entries: Record<string, unknown>[] = [];
  asked = 0;
  down = false;

  constructor() {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
      this.asked++;
      const known = new URL(url).pathname === "/services" && !this.down;
      return known
        ? Response.json({ services: this.entries, total: this.entries.length })
        : new Response("", { status: 500 });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** What the babysitter of an engine registers. */
function entriesOf(name: string, port: number, metadata = {}): Record<string, unknown>[] {
  const common = { host: "127.0.0.1", hostname: "node", status: "running", is_healthy: true };
  const babysitter = { type: "InfiniLM-Rust", babysitter: "enhanced" };
  const engine = { type: "openai-api", parent_service: name, models: ["m"], ...metadata };
  return [
    { ...common, name, port: port + 1, url: `http://127.0.0.1:${port + 1}`, metadata: babysitter },
    { ...common, name: `${name}-server`, port, url: `http://127.0.0.1:${port}`, metadata: engine },
  ];
}

function start(registry: ScriptedRegistry, grace = "60s"): Promise<RouterProcess> {
  return RouterProcess.start(
    `discovery: [{ infinilm_registry: { url: "${registry.url}", interval: 1s, removal_grace: ${grace} } }]\n` +
      "health: { interval: 100ms, timeout: 100ms, unhealthy_after: 2 }\n",
    { healthy: false },
  );
}

async function namesOf(router: RouterProcess): Promise<string[]> {
  const { services } = await (await router.fetch("/services")).json();
  return services.filter(({ healthy }: { healthy: boolean }) => healthy)
    .map(({ name }: { name: string }) => name);
}

Deno.test("a dead engine gets no call, whatever its registry says of it every time", async () => {
  await using well = Sim.start({ models: ["m"] });
  await using dead = Sim.start({ models: ["m"], engine: "infinilm" });
  await using registry = new ScriptedRegistry();
  registry.entries = [...entriesOf("a", well.port), ...entriesOf("b", dead.port)];
  await using router = await start(registry);
  await until("both are well", async () => (await namesOf(router)).length === 2);
  dead.setFault("dead_engine");
  await router.logged(({ message, backend }) =>
    message === "backend is unhealthy" && backend === "b-server"
  );
  const [before, asked] = [dead.calls.length, registry.asked];
  await until("the registry has been asked twice more", async () => {
    const answer = await router.post("/v1/chat/completions", chat("m"));
    assertEquals([answer.status, answer.headers.get("x-infinilm-service")], [200, "a-server"]);
    await answer.text();
    return registry.asked >= asked + 2;
  });
  assertEquals(dead.calls.length, before);
});

Deno.test("routers on one registry agree, follow it, and keep what it said last while it is away", async () => {
  await using a = Sim.start({ models: ["m"] });
  await using b = Sim.start({ models: ["m"] });
  await using registry = new ScriptedRegistry();
  registry.entries = entriesOf("a", a.port, { weight: 3 });
  await using one = await start(registry, "0s");
  await using two = await start(registry, "0s");
  const agree = (...names: string[]): Promise<void> =>
    until(`both have ${names.join(" and ")}`, async () => {
      const all = await Promise.all([one, two].map(namesOf));
      return all.every((found) => found.join() === names.join());
    });
  await agree("a-server");
  registry.entries = [...registry.entries, ...entriesOf("b", b.port)];
  await agree("a-server", "b-server");
  registry.down = true;
  for (const router of [one, two]) {
    const line = await router.logged(({ message }) => message.startsWith("source is in trouble"));
    assertEquals(line["reason"], "/services answered 500");
  }
  await agree("a-server", "b-server");
  registry.down = false;
  registry.entries = entriesOf("b", b.port);
  await agree("b-server");
});

Deno.test("an engine that its registry names no more drains, and goes on if it is named again", async () => {
  await using a = Sim.start({ models: ["m"] });
  await using registry = new ScriptedRegistry();
  registry.entries = entriesOf("a", a.port);
  await using router = await start(registry);
  await until("it is well", async () => (await namesOf(router)).length === 1);
  await (await router.post("/v1/chat/completions", chat("m"))).text();
  registry.entries = [];
  await until("it takes no more calls", async () => {
    const answer = await router.post("/v1/chat/completions", chat("m"));
    await answer.text();
    return answer.status === 503;
  });
  registry.entries = entriesOf("a", a.port);
  await until("it takes calls again", async () => {
    const answer = await router.post("/v1/chat/completions", chat("m"));
    await answer.text();
    return answer.status === 200;
  });
  const { request_count } = await router.stats("a-server");
  assertEquals(request_count, a.calls.length, "what was counted has stayed");
});
