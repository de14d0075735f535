import { parseConfig } from "../config/load.ts";
import { registry } from "../registry/mod.ts";
import type { Sim } from "../sim/sim.ts";
import type { Flags } from "./args.ts";
import { CONFIG_FLAGS, inPlainWords, overridesOf } from "./config_file.ts";
import { EXIT } from "./exit.ts";
import { LastResort } from "./last_resort.ts";
import { processLog } from "./process_log.ts";
import { startRouter } from "./router.ts";
import { signalLoop } from "./signals.ts";
import { startSim } from "./sim.ts";
import { writeOut } from "./stdio.ts";
import type { Verb } from "./verb.ts";

const FLAGS: Flags = {
  port: { ...CONFIG_FLAGS["port"]!, help: "the router's port (default: 8000)" },
  "log-level": {
    ...CONFIG_FLAGS["log-level"]!,
    help: "debug, info, warn or error (default: warn)",
  },
};

const ENGINES = [
  { port: 8100, model: "Qwen3-32B", kv: "paged" },
  { port: 8101, model: "Qwen3-32B", kv: "static" },
  { port: 8102, model: "9g_8b_thinking", kv: "paged" },
] as const;

/** Length of an answer that no call limits: InfiniLM's own limit would make it last 13 s. */
const ANSWER_TOKENS = 32;

/** What is not well by then is shown as it is. */
const HEALTHY_WITHIN_MS = 10_000;

/** Three simulated engines and the router in one process, to try and to show. */
export const DEMO: Verb = {
  name: "demo",
  summary: "run the router with three simulated InfiniLM engines",
  flags: FLAGS,
  examples: ["infinilm-router demo", "infinilm-router demo --port 9000"],
  notes: "The engines listen on ports 8100 to 8102, the router on every address of its port.",
  async run(args): Promise<number> {
    const overrides = overridesOf(args);
    const config = inPlainWords(() => parseConfig(demoYaml(), "demo", { overrides }));
    const log = processLog(config.log);
    const lastResort = new LastResort({ log, now: () => performance.now() });
    lastResort.listen(globalThis);
    const sims: Sim[] = [];
    try {
      for (const { port, model, kv } of ENGINES) {
        sims.push(
          await startSim({
            host: "127.0.0.1",
            port,
            engine: "infinilm",
            kv,
            seed: port, // else all would give the same ids
            eosAfter: ANSWER_TOKENS,
            models: [model],
            timeToFirstTokenMs: 150,
            tokensPerSecond: 40,
          }),
        );
      }
      const router = startRouter(config, { registry, log });
      const stopped = signalLoop({ drain: () => router.drain() });
      await allHealthy();
      writeOut(banner(router.port));
      await stopped;
    } finally {
      await Promise.all(sims.map((sim) => sim.stop()));
    }
    return EXIT.ok;
  },
};

/** The engines run in this very process: the first checks find them within milliseconds. */
async function allHealthy(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    if (registry.backends.every((backend) => backend.healthy)) resolve();
  };
  const stops = ENGINES.map(({ model }) => registry.onChange(model, look));
  const timer = setTimeout(resolve, HEALTHY_WITHIN_MS);
  look();
  await promise;
  clearTimeout(timer);
  for (const stop of stops) stop();
}

function demoYaml(): string {
  const backends = ENGINES.map(({ port, kv }) =>
    `  - { name: engine_${port}, url: "http://127.0.0.1:${port}", cache_type: ${kv} }`
  );
  return `backends:\n${backends.join("\n")}\nlog: { level: warn }\n`;
}

function banner(port: number): string {
  const base = `http://localhost:${port}`;
  const body = (model: string, content: string, stream = false): string =>
    JSON.stringify({ model, messages: [{ role: "user", content }], ...(stream ? { stream } : {}) });
  return `
infinilm-router is running on ${base}
${
    ENGINES.map(({ port, model }) => `  engine_${port}  http://127.0.0.1:${port}  ${model}`).join(
      "\n",
    )
  }

Try, in another terminal:

  curl ${base}/models

  curl ${base}/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '${body("Qwen3-32B", "你好")}'

  curl -N ${base}/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '${body("9g_8b_thinking", "Tell me a story", true)}'

Ctrl-C ends it.
`;
}
