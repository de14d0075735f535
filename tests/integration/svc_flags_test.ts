import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { type Ended, runToEnd } from "../support/ended.ts";
import { backendsYaml, chat, routerCommand, RouterProcess } from "../support/router.ts";
import { within } from "../support/within.ts";

/** What InfiniLM-SVC's registry says of an engine. */
function entryOf(sim: Sim, name: string, metadata: Record<string, unknown>): unknown {
  const port = Number(new URL(sim.url).port);
  const where = { name, host: "127.0.0.1", port, hostname: "node", url: sim.url };
  return { ...where, status: "running", is_healthy: true, metadata };
}

/** A registry that knows these services. */
function startRegistry(services: readonly unknown[]): Deno.HttpServer<Deno.NetAddr> {
  const list = { services, total: services.length, timestamp: "2026-11-22T16:03:55Z" };
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) =>
      new URL(request.url).pathname === "/services"
        ? Response.json(list)
        : new Response(null, { status: 404 }),
  );
}

async function withServices(list: unknown, test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(path, typeof list === "string" ? list : JSON.stringify(list));
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("serve with the flags of InfiniLM-SVC's router needs no file, and says what became of each", async () => {
  await using listed = Sim.start({ models: ["listed"] });
  await using registered = Sim.start({ models: ["registered"] });
  const metadata = { type: "openai-api", models: ["registered"], parent_service: "b", rack: 7 };
  await using registry = startRegistry([entryOf(registered, "b-server", metadata)]);
  const registryUrl = `http://127.0.0.1:${registry.addr.port}`;
  const port = Number(new URL(listed.url).port);
  const file = { static_services: { services: [{ name: "a", host: "127.0.0.1", port }] } };
  await withServices(file, async (path) => {
    const args = ["--router-port", "0", "--registry-url", registryUrl, "--static-services", path];
    await using router = await RouterProcess.start("", {
      args: [...args, "--health-interval", "3", "--registry-sync-interval", "1"],
      env: { PROXY_TIMEOUT_SECONDS: "60", CACHE_TYPE_ROUTING_THRESHOLD: "" },
      healthy: false,
    });
    const up = new Set<unknown>();
    await router.logged((line) =>
      line.message === "backend is healthy" && up.add(line["backend"]).size === 2
    );
    for (const model of ["listed", "registered"]) {
      const answer = await router.post("/chat/completions", chat(model));
      assertEquals(answer.status, 200, model);
      await answer.body?.cancel();
    }
    const services = await (await router.fetch("/services")).json();
    assertEquals([services.total, services.registry_url], [2, registryUrl]);
    assertEquals(services.services[0].metadata, {});
    assertEquals([services.services[1].name, services.services[1].metadata], [
      "b-server",
      metadata,
    ]);
    assertEquals((await (await router.fetch("/stats")).json()).registry_url, registryUrl);
    for (const path of ["/health", "/status"]) {
      const { registry_url, message } = await (await router.fetch(path)).json();
      assertEquals([registry_url, message], [registryUrl, null], path);
    }
    const told = router.log.filter(({ key }) => key !== undefined)
      .map((line) => [line["given"], line["key"], line["value"]]);
    const source = "discovery[0].infinilm_registry";
    assertEquals(told, [
      ["--router-port 0", "listen.port", "0"],
      [`--static-services ${path}`, "backends", "1"],
      [`--registry-url ${registryUrl}`, `${source}.url`, registryUrl],
      ["--registry-sync-interval 1", `${source}.interval`, "1s"],
      ["--health-interval 3", "health.interval", "3s"],
      ["PROXY_TIMEOUT_SECONDS 60", "timeouts.request", "60s"],
    ]);
    const notes = router.log.filter(({ note }) => note !== undefined).map(({ note }) => note);
    assertEquals(notes, ["--health-timeout: 5s there, at most 3s here"]);
  });
});

Deno.test("without a flag of InfiniLM-SVC's router its variables mean nothing", async () => {
  await using sim = Sim.start();
  const env = { PROXY_TIMEOUT_SECONDS: "nonsense", CACHE_TYPE_ROUTING_THRESHOLD: "1" };
  await using router = await RouterProcess.start(backendsYaml([sim.url]), { env });
  assertEquals(router.log.filter(({ message }) => message.includes("InfiniLM-SVC")), []);
  const answer = await router.post("/chat/completions", chat("sim"));
  assertEquals(answer.status, 200);
  await answer.body?.cancel();
});

Deno.test("before its registry has answered the router is there, and unhealthy", async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  await using registry = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async () => {
      ask();
      await held;
      return Response.json({ services: [] });
    },
  );
  const args = ["--router-port", "0", "--registry-url", `http://127.0.0.1:${registry.addr.port}`];
  await using router = await RouterProcess.start("", { args, healthy: false });
  await within(asked, "the router's question to its registry");
  const health = await router.fetch("/health");
  const { status, healthy_services, message } = await health.json();
  assertEquals([health.status, status, healthy_services, message], [
    503,
    "unhealthy",
    "0/0",
    "No healthy services available",
  ]);
  release();
});

Deno.test("migrate prints a configuration and nothing else, and check takes it from standard input", async () => {
  await withServices([{ name: "a", host: "10.0.0.5", port: 8100 }], async (path) => {
    const flags = ["--router-port", "8000", "--static-services", path, "--health-interval", "1"];
    const env = { PROXY_TIMEOUT_SECONDS: "60" };
    const migrated = await run(["migrate", ...flags], { env });
    assertEquals([migrated.code, migrated.err], [0, ""]);
    assertMatch(migrated.out, /^# What InfiniLM-SVC's router was told/);
    assertStringIncludes(migrated.out, "\n  request: 60s # PROXY_TIMEOUT_SECONDS\n");
    const checked = await run(["check", "-"], { input: migrated.out });
    assertEquals(checked, { code: 0, out: "ok: 1 backend, listening on 0.0.0.0:8000\n", err: "" });
  });
  const registry = await run(["migrate", "--registry-url", "http://10.0.0.1:18000"]);
  assertEquals(
    (await run(["check", "-"], { input: registry.out })).out,
    "ok: 0 backends and 1 source of more, listening on 0.0.0.0:8080\n",
  );
  const wrong = await run(["check", "-"], { input: "backends: 5\n" });
  assertEquals(wrong.code, 78);
  assertStringIncludes(wrong.err, "standard input:1:11: `backends` must be");
});

Deno.test("what is wrong with InfiniLM-SVC's flags ends in one line and its exit code", async () => {
  const here = [{ name: "a", host: "127.0.0.1", port: 8000 }];
  const port = { name: "a", host: "10.0.0.5", port: 0 };
  await withServices(here, (itself) =>
    withServices([port], async (portless) => {
      const registry = ["--registry-url", "http://127.0.0.1:1"];
      const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
        [
          ["--config", "config.example.yaml", ...registry],
          64,
          /--config .*, and --registry-url of/,
        ],
        [
          ["--port", "1", "--router-port", "1", ...registry],
          64,
          /two ports: --port and --router-port/,
        ],
        [["--router-port", "8000"], 64, /--registry-url or --static-services is needed/],
        [
          ["--router-port", "x", ...registry],
          64,
          /--router-port must be an integer .*received 'x'/,
        ],
        [["migrate"], 64, /--registry-url or --static-services is needed/],
        [["migrate", "--config", "x"], 64, /--config/],
        [["check", ...registry], 64, /--registry-url/],
        [["--static-services", "/nonexistent/s.json"], 66, /cannot read \/nonexistent\/s\.json/],
        [
          ["--static-services", "config.example.yaml"],
          78,
          /config\.example\.yaml:1:1: is not JSON/,
        ],
        [["--static-services", portless], 78, /:1:\d+: `port` of service 0 \("a"\) must be .* 0$/m],
        [
          ["migrate", "--router-port", "8000", "--static-services", itself],
          78,
          /`backends\[0\]\.url` is where this router itself listens/,
        ],
      ];
      for (const [args, code, says] of cases) {
        const ended = await run(args);
        assertEquals([args.join(" "), ended.code, ended.out], [args.join(" "), code, ""]);
        assertMatch(ended.err, says);
        assert(!ended.err.includes("\n    at "), ended.err);
        assertEquals(ended.err.trimEnd().split("\n").length, 1, ended.err);
      }
    }));
});

interface RunOptions {
  env?: Record<string, string>;
  /** What comes on standard input. */
  input?: string;
}

async function run(args: readonly string[], { env = {}, input }: RunOptions = {}): Promise<Ended> {
  const what = `infinilm-router ${args.join(" ")}`;
  if (input === undefined) return await runToEnd(routerCommand(args, { env }), { what });
  const child = routerCommand(args, { env, stdin: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await within(child.output(), `the end of ${what}`);
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out: out!, err: err! };
}
