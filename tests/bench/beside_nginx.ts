/**
 * `make bench`: the router beside nginx and beside the smallest relay that Deno allows, in front of
 * one backend, on one core, and what each costs. Short rounds in turn, so that whatever else the
 * machine does meets all of them. Under 4 minutes. Less, or more, by environment variables:
 *
 *   BENCH_ONLY=relay,router   only these of: direct nginx relay router quiet executable
 *   BENCH_ROUNDS=3            instead of 5
 *   BENCH_BESIDE=DIR          also the router of another checkout, with the packages it names itself
 *                             (`git worktree add DIR main`), and a table of ratios to it
 */
import type { CallsResult } from "./load_calls.ts";
import type { FloodResult, StreamsResult } from "./load_streams.ts";
import { Child, denoRun, Lines, Load, pinned } from "./processes.ts";
import { residentMiB } from "./proc.ts";
import { type Measured, report, type Round } from "./report.ts";
import { startSubjects, type Subject, type SubjectKey, SUBJECTS } from "./subjects.ts";

const rounds = positive("BENCH_ROUNDS", 5);
const only = keys("BENCH_ONLY");
const beside = Deno.env.get("BENCH_BESIDE") || undefined;

const WARM_UP_SECONDS = 3;
const CONNECTIONS = 32;
/** Bytes of a conversation; the small calls have 130. */
const PROMPTS = { medium: 8 * 1024, large: 64 * 1024 };
const STREAMS = 100;
/** Events per second of one stream: a fast engine's tokens. */
const RATE = 50;
const FLOOD = { streams: 16, events: 20_000 };

if (Deno.build.os !== "linux") throw new Error("the bench reads /proc, which only Linux has");
if (!pinned) console.error("taskset or a second core is missing: expect noisy numbers");

await using stack = new AsyncDisposableStack();
const folder = await Deno.makeTempDir();
stack.defer(() => Deno.remove(folder, { recursive: true }));
const backend = stack.use(new Child(denoRun("tests/bench/backend.ts"), piped()));
const backendPort = Number(await new Lines(backend.stdout).next());
const load = new Load(stack.use(new Child(denoRun("tests/bench/load.ts"), piped())));
const subjects = await startSubjects({ backendPort, folder, stack, only, beside });

console.error(`load average before: ${Deno.loadavg()[0]!.toFixed(2)}`);
for (const subject of subjects) await warmUp(subject);
const found = new Map<Subject, Round[]>(subjects.map((subject) => [subject, []]));
for (let round = 1; round <= rounds; round++) {
  // Forwards and backwards: a machine that slows down slows neither side of a ratio more.
  for (const subject of round % 2 === 1 ? subjects : subjects.toReversed()) {
    console.error(`round ${round} of ${rounds}: ${subject.name}`);
    found.get(subject)!.push(await measure(subject));
  }
}

const measured: Measured[] = subjects.map((subject) => ({
  key: subject.key,
  name: subject.name,
  rounds: found.get(subject)!,
  memory: subject.child === undefined ? undefined : residentMiB(subject.child.pid),
}));
console.log(report(measured));

/** What a just-in-time compiler has not seen often enough runs at a third of its later speed. */
async function warmUp({ port, child, callsOnly = false }: Subject): Promise<void> {
  const calls = { kind: "calls", port, connections: CONNECTIONS, twoWrites: false } as const;
  const seconds = child === undefined ? 1 : WARM_UP_SECONDS;
  await load.run({ ...calls, seconds });
  await load.run({ ...calls, seconds: seconds / 4, prompt: PROMPTS.large });
  if (!callsOnly) await load.run({ kind: "flood", port, ...FLOOD });
}

/** One round of one subject. */
async function measure({ port, child, callsOnly = false }: Subject): Promise<Round> {
  const to = { port, ...(child === undefined ? {} : { pid: child.pid }) };
  const many = { kind: "calls", ...to, connections: CONNECTIONS, twoWrites: false } as const;
  return {
    calm: await load.run<CallsResult>({ ...many, seconds: 0.6, connections: 1, twoWrites: true }),
    calls: await load.run<CallsResult>({ ...many, seconds: 1 }),
    split: await load.run<CallsResult>({ ...many, seconds: 0.8, twoWrites: true }),
    prompt8: await load.run<CallsResult>({ ...many, seconds: 0.6, prompt: PROMPTS.medium }),
    prompt64: await load.run<CallsResult>({ ...many, seconds: 0.6, prompt: PROMPTS.large }),
    streams: callsOnly ? undefined : await load.run<StreamsResult>(
      { kind: "streams", ...to, streams: STREAMS, rate: RATE, seconds: 1.5 },
    ),
    flood: callsOnly ? undefined : await load.run<FloodResult>(
      { kind: "flood", ...to, ...FLOOD },
    ),
  };
}

function piped(): { core: 1; stdin: "piped"; stdout: "piped" } {
  return { core: 1, stdin: "piped", stdout: "piped" };
}

/** A whole number above 0 from the environment. */
function positive(name: string, otherwise: number): number {
  const text = Deno.env.get(name) || String(otherwise);
  if (!/^[1-9]\d{0,3}$/.test(text)) {
    throw new Error(`${name} must be a whole number above 0, received '${text}'`);
  }
  return Number(text);
}

/** Some of the subjects, by their short names; all of them if the environment names none. */
function keys(name: string): Set<SubjectKey> {
  const all = SUBJECTS.filter((key) => key !== "beside");
  const text = Deno.env.get(name) || all.join();
  const wanted = text.split(",").map((word) => word.trim());
  const unknown = wanted.find((word) => !all.some((key) => key === word));
  if (unknown !== undefined) {
    throw new Error(`${name} must name some of ${all.join()}, received '${unknown}'`);
  }
  return new Set(all.filter((key) => wanted.includes(key)));
}
