import { registry } from "../registry/mod.ts";
import { CONFIG_FLAGS, readConfig } from "./config_file.ts";
import { EXIT } from "./exit.ts";
import { LastResort } from "./last_resort.ts";
import { processLog } from "./process_log.ts";
import { startRouter } from "./router.ts";
import { signalLoop } from "./signals.ts";
import type { Verb } from "./verb.ts";
import { giveUpWriting } from "./write_permission.ts";

/** The router, until it is told to stop. */
export const SERVE: Verb = {
  name: "serve",
  summary: "run the router (the default)",
  writes: true,
  flags: CONFIG_FLAGS,
  examples: [
    "infinilm-router --config /etc/infinilm-router/config.yaml",
    "infinilm-router serve --port 9000 --log-format json",
  ],
  notes:
    `SIGTERM and SIGINT: no new connections, running answers end, exit 0. A second one exits at once.
SIGHUP: one line in the log, and nothing else.`,
  async run(args): Promise<number> {
    const config = readConfig(args);
    if (config.stateFile === undefined) giveUpWriting();
    const log = processLog(config.log);
    const lastResort = new LastResort({ log, now: () => performance.now() });
    lastResort.listen(globalThis);
    const router = startRouter(config, { registry, log });
    const stopped = signalLoop({
      async drain(signal): Promise<void> {
        log.info("draining", { signal });
        await router.drain();
      },
      reload: () => log.info("SIGHUP ignored: the configuration is read at the start only"),
    });
    const exitCode = await Promise.race([
      stopped.then(() => EXIT.ok),
      router.lost.then(() => EXIT.unavailable),
    ]);
    log.info("stopped");
    return exitCode;
  },
};
