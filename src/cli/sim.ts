import { type EngineKind, FAULTS, INFINILM_FAULTS, Sim, type SimOptions } from "../sim/sim.ts";
import { type Flags, numberFlag, type ParsedArgs } from "./args.ts";
import { CliError, EXIT } from "./exit.ts";
import { listenError } from "./listen_error.ts";
import { signalLoop } from "./signals.ts";
import { writeOut } from "./stdio.ts";
import type { Verb } from "./verb.ts";

const FLAGS: Flags = {
  host: { type: "string", value: "HOST", help: "address to listen on (default: 127.0.0.1)" },
  port: {
    type: "string",
    short: "p",
    value: "PORT",
    help: "port to listen on (default: 8100; 0 takes a free one)",
  },
  engine: {
    type: "string",
    value: "KIND",
    help: "openai, or infinilm: its API, its limits and its quirks (default: openai)",
  },
  kv: {
    type: "string",
    value: "KIND",
    help: "infinilm: static, one call at a time, or paged (default: static)",
  },
  model: {
    type: "string",
    short: "m",
    value: "A,B",
    help: "models served; infinilm serves one (default: sim)",
  },
  ttft: { type: "string", value: "MS", help: "milliseconds to the first token (default: 20)" },
  tps: {
    type: "string",
    value: "N",
    help: "tokens per second of one call; infinilm: steps (default: 200; 0 = at once)",
  },
  "prefill-tps": {
    type: "string",
    value: "N",
    help: "infinilm: prompt tokens read per second (default: 0 = at once)",
  },
  concurrency: {
    type: "string",
    value: "N",
    help: "openai: calls at a time, others wait (default: 0 = no limit)",
  },
  jitter: {
    type: "string",
    value: "SHARE",
    help: "share of every delay that is random, 0 to 1 (default: 0)",
  },
  seed: {
    type: "string",
    value: "N",
    help: "the same seed gives the same texts, delays and faults (default: 1)",
  },
  "max-tokens": {
    type: "string",
    value: "N",
    help: "tokens of an answer whose call sets no limit (default: 16; infinilm: 512)",
  },
  "eos-after": {
    type: "string",
    value: "N",
    help: "infinilm: tokens after which the model ends by itself (default: 0 = never)",
  },
  "load-ms": {
    type: "string",
    value: "MS",
    help: "refuse connections for so long first (default: 0)",
  },
  "api-key": {
    type: "string",
    value: "KEY",
    help: "openai: answer 401 to calls without this bearer key",
  },
  fault: { type: "string", value: "NAME", help: "what goes wrong; see below" },
  "fault-rate": {
    type: "string",
    value: "SHARE",
    help: "share of calls it hits, 0 to 1 (default: 1)",
  },
  "fault-after": {
    type: "string",
    value: "N",
    help: "tokens before a fault in mid-stream (default: 3)",
  },
};

/** Flags that only one kind of engine has. */
const OWN: Readonly<Record<EngineKind, readonly string[]>> = {
  openai: ["concurrency", "api-key"],
  infinilm: ["kv", "prefill-tps", "eos-after"],
};

/** A simulated engine, until it is told to stop. */
export const SIM: Verb = {
  name: "sim",
  summary: "run a simulated engine: OpenAI-compatible, or InfiniLM",
  flags: FLAGS,
  examples: [
    "infinilm-router sim --port 8100 --model Qwen3-32B",
    "infinilm-router sim --port 8100 --engine infinilm --kv paged --tps 40 --eos-after 100",
    "infinilm-router sim --port 8101 --fault die_mid_stream --fault-rate 0.1 --seed 7",
  ],
  notes: `Faults:\n${described(FAULTS)}\nOf infinilm:\n${described(INFINILM_FAULTS)}`,
  async run(args): Promise<number> {
    const sim = await startSim(simOptions(args));
    const stopped = signalLoop({ drain: () => sim.stop() }); // before anybody knows that it runs
    writeOut(`simulated engine on ${sim.url}\n`);
    await stopped;
    return EXIT.ok;
  },
};

/** Starts a simulated engine. Throws `CliError` if its address cannot be had. */
export async function startSim(
  options: Parameters<typeof Sim.start>[0] & { host: string; port: number },
): Promise<Sim> {
  try {
    return await Sim.start(options);
  } catch (error) {
    throw listenError(error, options);
  }
}

function simOptions(args: ParsedArgs): SimOptions & { host: string; port: number } {
  const number = (name: string, max: number, integer = false): number | undefined =>
    numberFlag(args, { name, min: 0, max, integer });
  const engine = oneOf(args, "engine", ["openai", "infinilm"]) ?? "openai";
  refuseOthers(args, engine);
  return {
    host: text(args, "host") ?? "127.0.0.1",
    port: number("port", 65535, true) ?? 8100,
    engine,
    kv: oneOf(args, "kv", ["static", "paged"]),
    models: modelsFlag(text(args, "model"), engine),
    timeToFirstTokenMs: number("ttft", 3_600_000),
    tokensPerSecond: number("tps", 1_000_000),
    prefillTokensPerSecond: number("prefill-tps", 1_000_000_000),
    concurrency: number("concurrency", 1_000_000, true),
    jitter: number("jitter", 1),
    seed: number("seed", 2 ** 32 - 1, true),
    maxTokens: number("max-tokens", 1_000_000, true),
    eosAfter: number("eos-after", 1_000_000, true),
    loadMs: number("load-ms", 3_600_000),
    apiKey: text(args, "api-key"),
    fault: oneOf(args, "fault", [...FAULTS, ...INFINILM_FAULTS].map(({ name }) => name)),
    faultRate: number("fault-rate", 1),
    faultAfter: number("fault-after", 1_000_000, true),
  };
}

/** Throws `CliError` (64) for a flag or a fault that this kind of engine does not have. */
function refuseOthers(args: ParsedArgs, engine: EngineKind): void {
  for (const [kind, names] of Object.entries(OWN)) {
    const name = kind === engine
      ? undefined
      : names.find((name) => args.values[name] !== undefined);
    if (name !== undefined) throw new CliError(`--${name} needs --engine ${kind}`, EXIT.usage);
  }
  const fault = INFINILM_FAULTS.find(({ name }) => name === text(args, "fault"))?.name;
  if (fault !== undefined && engine !== "infinilm") {
    throw new CliError(`--fault ${fault} needs --engine infinilm`, EXIT.usage);
  }
}

function modelsFlag(list: string | undefined, engine: EngineKind): string[] | undefined {
  const models = list?.split(",").map((name) => name.trim()).filter((name) => name !== "");
  if (engine === "infinilm" && models !== undefined && models.length > 1) {
    throw new CliError(
      `--model must be one name with --engine infinilm, received '${list}'`,
      EXIT.usage,
    );
  }
  return models;
}

function described(faults: readonly { name: string; meaning: string }[]): string {
  return faults.map(({ name, meaning }) => `  ${name.padEnd(18)}  ${meaning}`).join("\n");
}

function text({ values }: ParsedArgs, name: string): string | undefined {
  return values[name] as string | undefined;
}

/** A flag's word. Throws `CliError` (64) unless it is one of those that there are. */
function oneOf<T extends string>(
  args: ParsedArgs,
  name: string,
  words: readonly T[],
): T | undefined {
  const given = text(args, name);
  if (given === undefined) return undefined;
  const word = words.find((known) => known === given);
  if (word !== undefined) return word;
  throw new CliError(
    `--${name} must be one of ${words.join(", ")}, received '${given}'`,
    EXIT.usage,
  );
}
