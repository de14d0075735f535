import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { specsIn } from "../../src/discovery/infinilm_registry.ts";
import { type Answered, askRegistry, Babysitter } from "../support/babysitter.ts";
import { runToEnd } from "../support/ended.ts";
import { RawClient } from "../support/raw_client.ts";
import { routerCommand, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Values by their kind, as the table of InfiniLM-SVC's API has them. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value === "string" && RFC_3339.test(value)) return "time";
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shape(item)]));
}

const SERVICE = {
  name: "string",
  host: "string",
  port: "number",
  hostname: "string",
  url: "string",
  status: "string",
  timestamp: "time",
  last_heartbeat: "number",
  health_status: "string",
  is_healthy: "boolean",
};

/** A folder for the time of a test. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly state = `${this.path}/registry.json`;

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

async function listed(registry: RouterProcess): Promise<string> {
  const [, { services }] = await askRegistry(registry, "GET /services");
  return services.map(({ name }: { name: string }) => name).sort().join(" ");
}

function statuses(answers: readonly Answered[]): number[] {
  return answers.map(([status]) => status);
}

Deno.test("a babysitter's answers have the statuses and the members of InfiniLM-SVC's registry", async () => {
  await using registry = await RouterProcess.startRegistry();
  await using babysitterServer = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => new Response(null, { status: request.url.endsWith("/health") ? 200 : 404 }),
  );
  const port = babysitterServer.addr.port - 1;
  const babysitter = new Babysitter({ name: "qwen", port });
  const ask = (what: string, body?: unknown): Promise<Answered> =>
    askRegistry(registry, what, { body });

  const shapeOf = ({ metadata }: Record<string, unknown>): unknown => ({
    message: "string",
    service: { ...SERVICE, metadata: shape(metadata) },
  });
  assertEquals((await babysitter.start(registry)).map(([status, body]) => [status, shape(body)]), [
    [201, shapeOf(babysitter.ownService)],
    [201, shapeOf(babysitter.engineService)],
  ]);
  const [, engine] = await ask("GET /services/qwen-server");
  assertEquals({ ...engine, ...babysitter.engineService }, engine, "given back as it was told");

  assertEquals(shape(await babysitter.beat(registry)), [
    ["number", { message: "string", timestamp: "time" }],
    ["number", { message: "string", timestamp: "time" }],
  ]);
  const [status, health] = await ask("GET /services/qwen-server/health");
  assertEquals([status, health.service, health.health_status], [200, "qwen-server", "healthy"]);
  assertEquals(shape(health), {
    service: "string",
    health_status: "string",
    is_healthy: "boolean",
    last_heartbeat: "number",
    timestamp: "time",
  });
  const own = "GET /services/qwen/health";
  assertEquals((await ask(own))[1].health_status, "healthy", "at its url, the same server");
  assertEquals(shape((await ask("GET /health"))[1]), {
    status: "string",
    registry: "string",
    registered_services: "number",
    healthy_services: "number",
    timestamp: "time",
  });
  const [, { uptime, timestamp, ...stats }] = await ask("GET /stats");
  assertEquals([Number.isInteger(uptime), RFC_3339.test(timestamp)], [true, true]);
  assertEquals(stats, {
    total_services: 2,
    healthy_services: 2,
    unhealthy_services: 0,
    status_distribution: { running: 2 },
    host_distribution: { "127.0.0.1": 2 },
  });
  const text = await (await registry.fetch("/services?healthy=true")).text();
  assertEquals(
    specsIn(text, "/services").map(({ name, url, models, cacheType }) => ({
      name,
      url,
      models,
      cacheType,
    })),
    [{
      name: "qwen-server",
      url: `http://127.0.0.1:${port}`,
      models: ["Qwen3-32B"],
      cacheType: "paged",
    }],
    "a router that polls it sees the engine",
  );
  assertEquals((await ask("DELETE /services/qwen"))[0], 200);
  assertEquals(await ask("DELETE /services/qwen"), [404, undefined]);
  assertEquals(await ask("GET /services/qwen"), [404, undefined]);
  registry.signal("SIGTERM");
  assertEquals((await registry.status).code, 0);
});

Deno.test("services are checked by themselves, at every --health-interval", async () => {
  let healthy = false;
  await using babysitterServer = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(null, { status: healthy ? 200 : 500 }),
  );
  await using registry = await RouterProcess.startRegistry(["--health-interval", "0.1"]);
  const babysitter = new Babysitter({ name: "a", port: babysitterServer.addr.port - 1 });
  await babysitter.start(registry);
  const isSeen = (wanted: string) => async (): Promise<boolean> => {
    const [, { services }] = await askRegistry(registry, "GET /services");
    return services.every(({ health_status }: { health_status: string }) =>
      health_status === wanted
    );
  };
  await until("both are unhealthy", isSeen("unhealthy"));
  assertEquals((await askRegistry(registry, "GET /health"))[1].healthy_services, 2);
  healthy = true;
  await until("both are healthy", isSeen("healthy"));
});

Deno.test("a registry that ends and starts again knows its services, and babysitters notice nothing", async () => {
  using folder = new Folder();
  const flags = ["--state-file", folder.state];
  const one = new Babysitter({ name: "one", port: 21_000 });
  const two = new Babysitter({ name: "two", port: 22_000 });
  const all = [...one.names, ...two.names].sort().join(" ");
  let before: unknown;
  {
    await using registry = await RouterProcess.startRegistry(flags);
    await one.start(registry);
    await two.start(registry);
    before = (await askRegistry(registry, "GET /services/two-server"))[1];
    registry.signal("SIGTERM"); // sooner than the second after which it would have been written
    assertEquals((await registry.status).code, 0);
  }
  {
    await using registry = await RouterProcess.startRegistry(flags);
    assertEquals(await listed(registry), all);
    assertEquals((await askRegistry(registry, "GET /services/two-server"))[1], before);
    await askRegistry(registry, "DELETE /services/one");
    await until("the deletion is in the file", () => {
      const { services } = JSON.parse(Deno.readTextFileSync(folder.state));
      return services.length === 3;
    });
    registry.signal("SIGKILL");
    await registry.status;
  }
  const state = JSON.parse(Deno.readTextFileSync(folder.state));
  for (const service of state.services) service.heartbeat_at -= 301_000; // the registry was away for long
  Deno.writeTextFileSync(folder.state, JSON.stringify(state));
  {
    await using registry = await RouterProcess.startRegistry(flags);
    assertEquals(await listed(registry), "");
    assertEquals(statuses(await two.beat(registry)), [200, 200]);
    assertEquals(statuses(await one.beat(registry)), [404, 200]);
    assertEquals(await listed(registry), "one-server two two-server");
    const [, { last_heartbeat: _, ...back }] = await askRegistry(
      registry,
      "GET /services/two-server",
    );
    assertEquals({ ...before as object, ...back }, before);
    assertEquals(statuses(await one.start(registry)), [201, 201]);
    assertEquals(await listed(registry), all);
  }
  await using empty = await RouterProcess.startRegistry();
  assertEquals(statuses(await one.beat(empty)), [404, 404]);
});

Deno.test("a state file that is broken is moved aside and told, and one that cannot be written is fatal", async () => {
  using folder = new Folder();
  Deno.writeTextFileSync(folder.state, "not JSON");
  {
    await using registry = await RouterProcess.startRegistry(["--state-file", folder.state]);
    await registry.logged(({ message }) => message.startsWith("the state file is broken"));
    assertEquals(await listed(registry), "");
  }
  assertEquals(Deno.readTextFileSync(`${folder.state}.broken`), "not JSON");
  const path = `${folder.path}/nowhere/registry.json`;
  const args = ["registry", "--host", "127.0.0.1", "--port", "0", "--state-file", path];
  const ended = await runToEnd(routerCommand(args), { what: "a registry without its folder" });
  assertEquals([ended.code, ended.err.trimEnd().split("\n").length], [66, 1]);
  assertStringIncludes(ended.err, path);
});

Deno.test("a babysitter that starts again, elsewhere too, replaces its services; others do not", async () => {
  await using registry = await RouterProcess.startRegistry(["--allow", "127.0.0.3,203.0.113.0/24"]);
  using stranger = Deno.createHttpClient({ localAddress: "127.0.0.2" });
  using trusted = Deno.createHttpClient({ localAddress: "127.0.0.3" });
  const name = "qwen";
  await new Babysitter({ name, port: 21_000 }).start(registry);
  const startAt = async (
    options: Partial<ConstructorParameters<typeof Babysitter>[0]>,
  ): Promise<unknown> => {
    const port = 21_000;
    const answers = await new Babysitter({ name, port, ...options }).start(registry);
    const [, { url }] = await askRegistry(registry, "GET /services/qwen-server");
    return [...statuses(answers), url];
  };
  assertEquals(await startAt({}), [201, 201, "http://127.0.0.1:21000"]);
  assertEquals(await startAt({ port: 22_000 }), [201, 201, "http://127.0.0.1:22000"]);
  assertEquals(await startAt({ host: "10.9.9.9" }), [201, 201, "http://10.9.9.9:21000"]);
  assertEquals(await startAt({ client: stranger }), [403, 403, "http://10.9.9.9:21000"]);
  assertEquals(await startAt({ host: "198.51.100.1" }), [403, 403, "http://10.9.9.9:21000"]);
  assertEquals(await startAt({ host: "203.0.113.1" }), [201, 201, "http://203.0.113.1:21000"]);
  const [gone, { error }] = await askRegistry(registry, "DELETE /services/qwen", {
    client: stranger,
  });
  assertEquals([gone, typeof error], [403, "string"]);
  const refused = await registry.logged(({ message }) => message === "a service was refused");
  assertEquals(refused["client"], "127.0.0.2");
  assertEquals(await startAt({ client: trusted }), [201, 201, "http://127.0.0.1:21000"]);
});

Deno.test("a registry is strict about framing, and refuses large bodies before they have come", async () => {
  await using registry = await RouterProcess.startRegistry();
  const post = (headers: string): string =>
    `POST /services HTTP/1.1\r\nhost: r\r\ncontent-type: application/json\r\n${headers}\r\n\r\n`;
  const answerTo = async (bytes: string): Promise<unknown> => {
    using client = await RawClient.connect(registry.port);
    await client.write(bytes);
    const { status, body, complete } = await client.answer();
    if (body !== "") assertEquals(typeof JSON.parse(body).error, "string");
    return [status, complete];
  };
  const both = "content-length: 2\r\ntransfer-encoding: chunked";
  assertEquals(await answerTo(`${post(both)}2\r\n{}\r\n0\r\n\r\n`), [400, true]);
  assertEquals(await answerTo(post("content-length: 3") + "{}x"), [400, true]);
  const chunk = `1000\r\n${" ".repeat(4096)}\r\n`;
  for (
    const unfinished of [
      post("content-length: 70000"),
      post("transfer-encoding: chunked") + chunk.repeat(17),
    ]
  ) {
    using client = await RawClient.connect(registry.port);
    await client.write(unfinished);
    assertMatch(await client.until("}"), /^HTTP\/1\.1 413 [^]*at most 65536 bytes/);
  }
  assertEquals(await answerTo("GET /health HTTP/1.1\r\n\r\n"), [400, true]);
  using kept = await RawClient.connect(registry.port);
  const { ownService } = new Babysitter({ name: "kept", port: 21_000 });
  for (const wanted of [201, 201, 400]) {
    await kept.post("/services", wanted === 201 ? ownService : {});
    assertEquals((await kept.answer()).status, wanted, "all on one connection");
  }
});

Deno.test("a flag that is wrong is named", async () => {
  const cases = [
    [["--allow", "10.0.0.0/99"], /--allow: .*10\.0\.0\.0\/99/],
    [["--health-interval", "0"], /--health-interval must be a number from 0.1/],
    [["--log-level", "loud"], /--log-level must be one of .*loud/],
    [["--port", "x"], /--port/],
  ] as const;
  for (const [flags, says] of cases) {
    const what = `registry ${flags.join(" ")}`;
    const ended = await runToEnd(routerCommand(["registry", ...flags]), { what });
    assertEquals([what, ended.code, ended.err.trimEnd().split("\n").length], [what, 64, 1]);
    assertMatch(ended.err, says);
  }
  const { out } = await runToEnd(routerCommand(["registry", "--help"]), { what: "its help" });
  assert(
    ["--state-file", "--allow", "--cleanup-interval", "18000"].every((text) => out.includes(text)),
  );
});
