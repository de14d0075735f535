import { type FaultName, FAULTS, Sim } from "../sim/sim.ts";
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
  model: { type: "string", short: "m", value: "A,B", help: "models served (default: sim)" },
  ttft: { type: "string", value: "MS", help: "milliseconds to the first token (default: 20)" },
  tps: {
    type: "string",
    value: "N",
    help: "tokens per second of one call (default: 200; 0 = at once)",
  },
  concurrency: {
    type: "string",
    value: "N",
    help: "calls at a time, others wait (default: 0 = no limit)",
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
    help: "tokens of an answer whose call sets no limit (default: 16)",
  },
  "load-ms": {
    type: "string",
    value: "MS",
    help: "refuse connections for so long first (default: 0)",
  },
  "api-key": { type: "string", value: "KEY", help: "answer 401 to calls without this bearer key" },
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

/** A simulated engine, until it is told to stop. */
export const SIM: Verb = {
  name: "sim",
  summary: "run a simulated OpenAI-compatible engine",
  flags: FLAGS,
  examples: [
    "infinilm-router sim --port 8100 --model Qwen3-32B",
    "infinilm-router sim --port 8101 --fault die_mid_stream --fault-rate 0.1 --seed 7",
  ],
  notes: "Faults:\n" +
    FAULTS.map(({ name, meaning }) => `  ${name.padEnd(18)}  ${meaning}`).join("\n"),
  async run(args): Promise<number> {
    const number = (name: string, max: number, integer = false): number | undefined =>
      numberFlag(args, { name, min: 0, max, integer });
    const host = text(args, "host") ?? "127.0.0.1";
    const port = number("port", 65535, true) ?? 8100;
    const sim = await startSim({
      host,
      port,
      models: text(args, "model")?.split(",").map((name) => name.trim()).filter((name) =>
        name !== ""
      ),
      timeToFirstTokenMs: number("ttft", 3_600_000),
      tokensPerSecond: number("tps", 1_000_000),
      concurrency: number("concurrency", 1_000_000, true),
      jitter: number("jitter", 1),
      seed: number("seed", 2 ** 32 - 1, true),
      maxTokens: number("max-tokens", 1_000_000, true),
      loadMs: number("load-ms", 3_600_000),
      apiKey: text(args, "api-key"),
      fault: faultFlag(text(args, "fault")),
      faultRate: number("fault-rate", 1),
      faultAfter: number("fault-after", 1_000_000, true),
    });
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

function text({ values }: ParsedArgs, name: string): string | undefined {
  return values[name] as string | undefined;
}

function faultFlag(name: string | undefined): FaultName | undefined {
  if (name === undefined) return undefined;
  const fault = FAULTS.find((known) => known.name === name);
  if (fault !== undefined) return fault.name;
  const names = FAULTS.map((known) => known.name).join(", ");
  throw new CliError(`--fault must be one of ${names}, received '${name}'`, EXIT.usage);
}
