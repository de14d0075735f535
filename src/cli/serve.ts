import { registry } from "../registry/mod.ts";
import type { Log } from "../observe/log.ts";
import { CONFIG_FLAGS, readServed } from "./config_file.ts";
import { EXIT } from "./exit.ts";
import { LastResort } from "./last_resort.ts";
import { processLog } from "./process_log.ts";
import { Reloader } from "./reloader.ts";
import { startRouter } from "./router.ts";
import { ServiceManager } from "./service_manager.ts";
import { signalLoop } from "./signals.ts";
import type { SvcConfig } from "./svc_config.ts";
import { SVC_FLAGS } from "./svc_flags.ts";
import type { Verb } from "./verb.ts";
import { giveUpWriting } from "./write_permission.ts";

/** The router, until it is told to stop. */
export const SERVE: Verb = {
  name: "serve",
  summary: "run the router (the default)",
  writes: true,
  flags: { ...CONFIG_FLAGS, ...SVC_FLAGS },
  examples: [
    "infinilm-router --config /etc/infinilm-router/config.yaml",
    "infinilm-router serve --port 9000 --log-format json",
    "infinilm-router --router-port 8000 --registry-url http://10.0.0.1:18000",
  ],
  notes:
    `SIGTERM and SIGINT: no new connections after shutdown.grace, running answers end within shutdown.timeout,
exit 0. A second one exits at once.
SIGHUP: the configuration is read again; one that is wrong leaves the other in force, and /health says so.

With a flag of InfiniLM-SVC's router no configuration file is read: the flags are the configuration, with
PROXY_TIMEOUT_SECONDS and CACHE_TYPE_ROUTING_THRESHOLD of the environment. infinilm-router migrate prints it.`,
  async run(args): Promise<number> {
    const { config, svc } = readServed(args);
    const log = processLog(config.log);
    const now = (): number => performance.now();
    const manager = new ServiceManager({ log, now, env: Deno.env.get, pid: Deno.pid });
    // Deno asks for it with each datagram, too.
    if (config.stateFile === undefined && !manager.isHeard) giveUpWriting();
    if (svc !== undefined) tellOf(svc, log);
    const lastResort = new LastResort({ log, now });
    lastResort.listen(globalThis);
    const router = startRouter(config, { registry, log });
    const reloader = new Reloader(args, { router, log, manager });
    reloader.watch(config);
    const stopped = signalLoop({
      async drain(signal): Promise<void> {
        reloader.stop();
        await manager.stopping();
        log.info("draining", { signal });
        await router.drain();
      },
      reload: () => reloader.reload(),
    });
    await manager.ready(router);
    manager.watch(() => registry.backends.every(({ name }) => name !== "") && router.listening);
    const exitCode = await Promise.race([
      stopped.then(() => EXIT.ok),
      router.lost.then(() => EXIT.unavailable),
    ]);
    manager.close();
    log.info("stopped");
    return exitCode;
  },
};

/** Whoever comes from InfiniLM-SVC is to see what has become of each flag. */
function tellOf({ mapped, notes }: SvcConfig, log: Log): void {
  for (const { given, key, value } of mapped) {
    log.info("InfiniLM-SVC's setting became a key of the configuration", { given, key, value });
  }
  for (const note of notes) log.warn("InfiniLM-SVC's setting means something else here", { note });
}
