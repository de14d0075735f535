import { assert, assertEquals, assertMatch } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { backendsYaml, chat, type LogLine, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

/** What of a unix datagram socket is used. */
interface Datagrams extends AsyncIterable<[Uint8Array, Deno.Addr]> {
  close(): void;
}

/** A service manager that only listens. */
class Manager implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly #socket: Datagrams;
  readonly heard: string[] = [];

  constructor() {
    const listen = Deno.listenDatagram as unknown as (
      options: { transport: "unixpacket"; path: string },
    ) => Datagrams;
    this.#socket = listen({ transport: "unixpacket", path: this.path });
    void this.#hear();
  }

  get path(): string {
    return `${this.#folder}/notify`;
  }

  async #hear(): Promise<void> {
    for await (const [bytes] of this.#socket) this.heard.push(new TextDecoder().decode(bytes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("promise 59: systemd hears of the start, of a reload and of the end, and that the router lives", async () => {
  await using manager = new Manager();
  await using sim = Sim.start({ timeToFirstTokenMs: 0 });
  const config = backendsYaml([sim.url]);
  await using router = await RouterProcess.start(config, {
    env: { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: "400000" },
  });
  const [ready] = manager.heard;
  assertEquals(ready, `READY=1\nSTATUS=serving on 127.0.0.1:${router.port}`);
  await until("the watchdog is fed", () => manager.heard.filter(isWatchdog).length >= 3);
  await router.configure(config.replace("name: a", "name: b"));
  router.signal("SIGHUP");
  await router.logged(({ message }) => message === "the configuration was read again");
  await until("it is ready again", () => manager.heard.filter(isReady).length === 2);
  const reloading = manager.heard.findIndex((text) => text.startsWith("RELOADING=1"));
  assertMatch(manager.heard[reloading]!, /^RELOADING=1\nMONOTONIC_USEC=\d+$/);
  assert(manager.heard.findLastIndex(isReady) > reloading);
  await router.configure("nonsense");
  router.signal("SIGHUP");
  await until("a reload that fails ends, too", () => manager.heard.filter(isReady).length === 3);
  assertEquals((await router.post("/v1/chat/completions", chat("sim"))).status, 200);
  router.signal("SIGTERM");
  assertEquals((await router.status).code, 0);
  await until("the end is told", () => manager.heard.some((text) => text.startsWith("STOPPING=1")));
  assertEquals(router.log.filter(isAboutManager), []);
});

Deno.test("promise 59: nothing is told before the port is had, and the watchdog of another process is not ours", async () => {
  await using manager = new Manager();
  await using sim = Sim.start();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const env = { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: "100000", WATCHDOG_PID: "1" };
  const port = ["--port", String(taken.addr.port)];
  const failed = RouterProcess.start("", {
    env,
    args: ["--config", "config.example.yaml", ...port],
  });
  await failed.then(() => assert(false, "it started"), () => {});
  assertEquals(manager.heard, []);
  await using router = await RouterProcess.start(backendsYaml([sim.url]), { env });
  for (let i = 0; i < 50; i++) await (await router.fetch("/livez")).body?.cancel();
  assertEquals(manager.heard.map((text) => text.split("\n")[0]), ["READY=1"]);
});

Deno.test("a service manager that is not there is told once in the log, and no reason to stop", async () => {
  await using sim = Sim.start();
  await using router = await RouterProcess.start(backendsYaml([sim.url]), {
    env: { NOTIFY_SOCKET: "/nowhere/notify", WATCHDOG_USEC: "100000" },
  });
  await router.logged(({ message }) => message.startsWith("the service manager cannot be told"));
  assertEquals((await router.post("/v1/chat/completions", chat("sim"))).status, 200);
  assertEquals(router.log.filter(isAboutManager).length, 1);
});

function isAboutManager({ message }: LogLine): boolean {
  return message.startsWith("the service manager");
}

function isReady(text: string): boolean {
  return text.startsWith("READY=1");
}

function isWatchdog(text: string): boolean {
  return text === "WATCHDOG=1";
}
