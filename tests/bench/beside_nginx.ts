/**
 * `make bench`: the router beside nginx in front of one backend, on one core, and what each costs.
 * Short rounds in turn, so that whatever else the machine does meets all of them. Under 3 minutes.
 */
import type { CallsResult } from "./load_calls.ts";
import type { FloodResult, StreamsResult } from "./load_streams.ts";
import { Child, denoRun, Lines, Load, pinned } from "./processes.ts";
import { residentMiB } from "./proc.ts";
import { type Measured, report, type Round } from "./report.ts";
import { startSubjects, type Subject } from "./subjects.ts";

const ROUNDS = 5;
const CONNECTIONS = 32;
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
const subjects = await startSubjects({ backendPort, folder, stack });

console.error(`load average before: ${Deno.loadavg()[0]!.toFixed(2)}`);
for (const subject of subjects) await warmUp(subject);
const rounds = new Map<Subject, Round[]>(subjects.map((subject) => [subject, []]));
for (let round = 1; round <= ROUNDS; round++) {
  for (const subject of subjects) {
    console.error(`round ${round} of ${ROUNDS}: ${subject.name}`);
    rounds.get(subject)!.push(await measure(subject));
  }
}

const measured: Measured[] = subjects.map((subject) => ({
  name: subject.name,
  rounds: rounds.get(subject)!,
  memory: subject.child === undefined ? undefined : residentMiB(subject.child.pid),
}));
const reference = measured.find(({ name }) => name.startsWith("nginx"));
console.log(report(measured, { direct: measured[0]!, reference }));

/** What a just-in-time compiler has not seen often enough runs at a third of its later speed. */
async function warmUp(subject: Subject): Promise<void> {
  const { port, child } = subject;
  const seconds = child === undefined ? 1 : 4;
  await load.run({ kind: "calls", port, connections: CONNECTIONS, seconds, twoWrites: false });
  if (!subject.callsOnly) await load.run({ kind: "flood", port, ...FLOOD });
}

/** One round of one subject. */
async function measure({ port, child, callsOnly = false }: Subject): Promise<Round> {
  const to = { port, ...(child === undefined ? {} : { pid: child.pid }) };
  const calls = (seconds: number, connections: number, twoWrites: boolean): Promise<CallsResult> =>
    load.run({ kind: "calls", ...to, connections, seconds, twoWrites });
  return {
    calm: await calls(0.6, 1, true),
    calls: await calls(1, CONNECTIONS, false),
    split: await calls(0.8, CONNECTIONS, true),
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
