import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { chunk, startEnginePeer, STREAM_HEAD } from "../support/engine_peer.ts";
import { RawClient } from "../support/raw_client.ts";
import type { PeerConnection } from "../support/raw_peer.ts";
import { backendsYaml, chat, type LogLine, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const CHAT = "/v1/chat/completions";

/** Has another configuration read; the line that tells of it. */
async function reload(router: RouterProcess, config: string): Promise<LogLine> {
  const from = router.log.length;
  await router.configure(config);
  router.signal("SIGHUP");
  return await router.logged((line) =>
    router.log.indexOf(line) >= from && line.message.startsWith("the configuration ")
  );
}

interface Service {
  name: string;
  weight: number;
  request_count: number;
  healthy: boolean;
}

async function services(router: RouterProcess): Promise<Service[]> {
  return (await (await router.fetch("/services")).json()).services;
}

Deno.test("promise 55: SIGHUP adds, removes and weighs backends while a stream runs, and whoever stays keeps all", async () => {
  const conns: PeerConnection[] = [];
  await using old = startEnginePeer(async (conn) => {
    await conn.write(STREAM_HEAD + "9\r\ndata: 1\n\n\r\n");
    conns.push(conn);
  });
  await using stays = Sim.start({ models: ["other"] });
  await using comes = Sim.start({ models: ["new"] });
  const urls = [`http://127.0.0.1:${old.port}`, stays.url];
  await using router = await RouterProcess.start(backendsYaml(urls));
  for (let i = 0; i < 3; i++) await (await router.post(CHAT, chat("other"))).text();
  const stream = await router.post(CHAT, chat("peer", "hi", { stream: true }));
  const line = await reload(
    router,
    `backends:\n  - { name: b, url: "${stays.url}", weight: 7 }\n` +
      `  - { name: c, url: "${comes.url}" }\n`,
  );
  assertEquals(line["changes"], ["backend b: weight 1 -> 7", "+ backend c", "- backend a"]);
  await until("the new one is well", async () => (await services(router))[1]?.healthy === true);
  const [b, c, ...rest] = await services(router);
  assertEquals([b?.name, b?.weight, b?.request_count, b?.healthy], ["b", 7, 3, true]);
  assertEquals([c?.name, rest.length], ["c", 0]);
  assertEquals((await router.post(CHAT, chat("new"))).status, 200);
  assertEquals((await router.post(CHAT, chat("peer"))).status, 503);
  // What ran on the one that is gone runs on.
  await conns[0]!.write(chunk("data: [DONE]\n\n"));
  await conns[0]!.write(chunk());
  assertEquals(await stream.text(), "data: 1\n\ndata: [DONE]\n\n");
});

Deno.test("promise 56: SIGHUP with a wrong file leaves the old one in force, and says why in log and /health", async () => {
  await using sim = Sim.start();
  const config = backendsYaml([sim.url]);
  await using router = await RouterProcess.start(config);
  const line = await reload(router, `${config}timeouts: { idel: 1s }\n`);
  assertEquals(line.message, "the configuration stays as it was: the file is wrong");
  assertStringIncludes(String(line["reason"]), "unknown key `idel` in `timeouts`, did you mean");
  const health = await (await router.fetch("/health")).json();
  assertEquals([health.status, health.config], ["healthy", "stale"]);
  assertStringIncludes(health.config_error, ":3:13: unknown key `idel`");
  assertEquals((await router.post(CHAT, chat("sim"))).status, 200);
  await reload(router, config);
  const { config: now, config_error } = await (await router.fetch("/health")).json();
  assertEquals([now, config_error], [undefined, undefined]);
});

Deno.test("SIGHUP applies what new calls meet, and names what takes a restart", async () => {
  await using sim = Sim.start({ fault: "stall_mid_stream", timeToFirstTokenMs: 0 });
  const backends = backendsYaml([sim.url], ["max_in_flight: 1"]);
  await using router = await RouterProcess.start(backends);
  using running = await RawClient.connect(router.port);
  await running.post(CHAT, chat("sim", "hi", { stream: true }));
  await running.until('"content":');
  const line = await reload(
    router,
    `${backends}listen: { give_up: 1s }\nqueue: { size: 0 }\nerrors: { format: openai }\n` +
      "cors: { origins: ['*'] }\nlimits: { max_body: 1KiB }\ntimeouts: { idle: 300ms }\n",
  );
  assertEquals(line["changes"], [
    "queue.size 128 -> 0",
    "timeouts.idle 2m -> 300ms",
    "timeouts.client_stall 2m -> 300ms",
    "limits.max_body 33554432 -> 1024",
    'cors.origins [] -> ["*"]',
    "errors.format auto -> openai",
  ]);
  const { keys } = await router.logged(({ message }) => message.endsWith("takes a restart"));
  assertEquals(keys, ["listen.give_up"]);
  const full = await router.post(CHAT, chat("sim"), { origin: "http://page" });
  assertEquals([full.status, (await full.json()).error.code], [429, "overloaded"]);
  assertEquals(full.headers.get("access-control-allow-origin"), "*");
  const large = await router.post(CHAT, chat("sim", "x".repeat(2000)));
  assertEquals(large.status, 413);
  await large.body?.cancel();
  running.close();
  await until("the place is free", async () => (await router.stats("a"))["in_flight"] === 0);
  const silent = await router.post(CHAT, chat("sim", "hi", { stream: true }));
  assertStringIncludes(await silent.text().catch(() => "upstream_idle_timeout"), "idle_timeout");
});

Deno.test("SIGHUP changes how backends are checked, and which sources name them", async () => {
  await using sim = Sim.start();
  await using other = Sim.start({ models: ["other"] });
  await using stack = new AsyncDisposableStack();
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  stack.defer(() => Deno.remove(file));
  await Deno.writeTextFile(file, `- { name: f, url: "${other.url}" }\n`);
  await using router = await RouterProcess.start(
    `${backendsYaml([sim.url])}health: { interval: 1h }\n`,
  );
  const checks = sim.healthChecks;
  const source = `discovery: [{ file: { path: ${file}, removal_grace: 0s } }]\n`;
  await reload(
    router,
    `${backendsYaml([sim.url])}health: { interval: 50ms, timeout: 50ms }\n${source}`,
  );
  await until("it is checked often", () => sim.healthChecks > checks + 5);
  await until("the source is heard", async () => (await services(router)).length === 2);
  await router.logged((line) => line.message === "backend is healthy" && line["backend"] === "f");
  assertEquals((await router.post(CHAT, chat("other"))).status, 200);
  await reload(router, `${backendsYaml([sim.url])}health: { interval: 1h }\n`);
  assertEquals((await services(router)).map(({ name }) => name), ["a"]);
  await Deno.writeTextFile(file, "");
});

Deno.test("a reload each 50 ms loses no stream and no call", async () => {
  const engines = [1, 2, 3].map((seed) => Sim.start({ seed, tokensPerSecond: 300 }));
  await using stack = new AsyncDisposableStack();
  for (const engine of engines) stack.use(engine);
  const urls = engines.map(({ url }) => url);
  const router = stack.use(await RouterProcess.start(backendsYaml(urls)));
  let stopped = false;
  let reloads = 0;
  const reloading = (async () => {
    while (!stopped) {
      // Two go and come, weights and limits change.
      const listed = urls.map((url, index) => [url, index] as const)
        .filter(([, index]) => index === 0 || index !== reloads % 3);
      const backends = listed.map(([url, index]) =>
        `  - { name: ${"abc"[index]}, url: "${url}", weight: ${1 + reloads % 3} }\n`
      );
      await router.configure(
        `backends:\n${backends.join("")}timeouts: { idle: ${60 + reloads % 2}s }\n`,
      );
      router.signal("SIGHUP");
      reloads++;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const ends: string[] = [];
  const client = async (index: number): Promise<void> => {
    while (reloads < 60) {
      const stream = index % 4 !== 0;
      const body = chat("sim", `${index}`, { stream, max_tokens: 1 + 10 * (index % 8) });
      const answer = await router.post(CHAT, body);
      const text = await answer.text();
      const whole = text.includes(stream ? "data: [DONE]" : '"finish_reason":"length"');
      ends.push(`${answer.status} ${whole}`);
    }
  };
  await Promise.all(Array.from({ length: 40 }, (_, index) => client(index)));
  stopped = true;
  await reloading;
  assertEquals(new Set(ends), new Set(["200 true"]));
  assert(ends.length > 200, `${ends.length} calls`);
  assertEquals(router.noise, "");
});

Deno.test("watch_config: a change of the file is taken at once, and what is wrong is told", async () => {
  await using sim = Sim.start();
  const config = `watch_config: true\n${backendsYaml([sim.url])}`;
  await using router = await RouterProcess.start(config);
  await router.configure(config.replace("name: a", "name: z"));
  const line = await router.logged(({ message }) => message === "the configuration was read again");
  assertEquals(line["changes"], ["+ backend z", "- backend a"]);
  await router.configure(`${config}nonsense\n`);
  await router.logged(({ message }) => message.startsWith("the configuration stays as it was"));
  assertEquals((await (await router.fetch("/health")).json()).config, "stale");
  await router.configure(config.replace("watch_config: true", "watch_config: false"));
  await until(
    "it is current",
    async () => (await (await router.fetch("/health")).json()).config === undefined,
  );
});
