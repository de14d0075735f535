import { createLog } from "../observe/log.ts";
import { registry } from "../registry/mod.ts";
import { CONFIG_FLAGS, readConfig } from "./config_file.ts";
import { EXIT } from "./exit.ts";
import { startRouter } from "./router.ts";
import { logLines } from "./stdio.ts";
import { untilStopped } from "./until_stopped.ts";
import type { Verb } from "./verb.ts";

/** The router, until it is told to stop. */
export const SERVE: Verb = {
  name: "serve",
  summary: "run the router (the default)",
  flags: CONFIG_FLAGS,
  examples: [
    "infinilm-router --config /etc/infinilm-router/config.yaml",
    "infinilm-router serve --port 9000 --log-format json",
  ],
  notes:
    "SIGTERM and SIGINT: no new connections, running answers end, exit 0. A second one exits at once.",
  async run(args): Promise<number> {
    const config = readConfig(args);
    const log = createLog({ ...config.log, write: (line) => logLines.write(line) });
    const router = startRouter(config, { registry, log });
    const stopped = untilStopped(async (signal) => {
      log.info("draining", { signal });
      await router.drain();
    });
    const exitCode = await Promise.race([
      stopped.then(() => EXIT.ok),
      router.lost.then(() => EXIT.unavailable),
    ]);
    log.info("stopped");
    return exitCode;
  },
};
