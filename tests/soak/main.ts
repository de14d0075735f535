/**
 * `deno task soak`: a router under mixed calls of many clients for a while, and what it holds meanwhile and
 * afterwards. `--minutes 5`, `--clients 200`; ROUTER_BIN=path takes an executable. It fails if memory grows once it is
 * warm, if descriptors are not given back, or if the process is not idle afterwards. The last line counts.
 */
import { parseArgs } from "node:util";
import { Sim } from "../../src/sim/sim.ts";
import { cpuMicros, residentMiB } from "../bench/proc.ts";
import { median } from "../bench/statistics.ts";
import { Chance } from "../support/chance.ts";
import { descriptors } from "../support/descriptors.ts";
import { backendsYaml, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";
import { Load } from "./load.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    clients: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
  },
});
const [minutes, clients, seed] = [values.minutes, values.clients, values.seed].map(Number) as [
  number,
  number,
  number,
];
if (![minutes, clients, seed].every((number) => number > 0)) {
  console.error("usage: deno task soak [--minutes N] [--clients N] [--seed N]");
  Deno.exit(64);
}

const SAMPLE_MS = 1000;
/** The part of the time that is warm-up; the rest is compared by thirds. */
const WARM_UP = 0.25;
/** What the last third may hold more than the first: V8 decides when it collects. */
const GROWTH_MIB = 12;
const GROWTH_SHARE = 0.06;
/** Connections for checks, and what the runtime opens in its first hour. */
const KEPT_DESCRIPTORS = 6;
const IDLE_SECONDS = 5;
const IDLE_WINDOWS = 6;
/** The share of a core that an idle router may use. */
const IDLE_CPU = 0.02;

const sims = [
  Sim.start({ timeToFirstTokenMs: 100, tokensPerSecond: 50, jitter: 0.5, seed: 1 }),
  Sim.start({ timeToFirstTokenMs: 30, tokensPerSecond: 100, jitter: 0.5, seed: 2 }),
  Sim.start({
    engine: "infinilm",
    kv: "paged",
    models: ["sim"],
    timeToFirstTokenMs: 20,
    tokensPerSecond: 60,
  }),
];
await using stack = new AsyncDisposableStack();
for (const sim of sims) stack.use(sim);
const router = stack.use(
  await RouterProcess.start(
    backendsYaml(sims.map(({ url }) => url), ["", "max_in_flight: 60", "max_in_flight: 12"]) +
      "stream: { keep_alive: 50ms }\nhealth: { interval: 2s, timeout: 2s }\n",
  ),
);
const { pid } = router;
const before = descriptors(pid);
const load = new Load({ port: router.port, clients, chance: new Chance(seed) });
const faults = setInterval(() => {
  // Now and then an engine is not well for a moment.
  const sim = sims[Math.floor(Date.now() / 1000) % 2]!;
  sim.setFault("die_mid_stream", { rate: 0.02 });
}, 5000);

const samples: number[] = [];
const count = Math.round(minutes * 60_000 / SAMPLE_MS);
for (let sample = 1; sample <= count; sample++) {
  await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
  samples.push(residentMiB(pid));
  router.log.length = 0; // only the router's memory is of interest
  if (sample % 60 === 0) {
    const mib = median(samples.slice(-60)).toFixed(0);
    console.log(
      `minute ${sample / 60}: ${mib} MiB, ${descriptors(pid)} descriptors, ${load.told()}`,
    );
  }
}
clearInterval(faults);
for (const sim of sims) sim.setFault("none");
await load.stop();

const warm = samples.slice(Math.floor(samples.length * WARM_UP));
const third = Math.floor(warm.length / 3);
const [first, last] = [median(warm.slice(0, third)), median(warm.slice(-third))];
const checks: [what: string, ok: boolean][] = [
  [
    `memory: ${first.toFixed(0)} MiB in the first third after the warm-up, ${
      last.toFixed(0)
    } in the last`,
    last - first <= GROWTH_MIB + first * GROWTH_SHARE,
  ],
];
await until("nothing is in flight", async () => {
  const { services, queued } = await (await router.fetch("/stats")).json();
  return Object.keys(queued).length === 0 &&
    services.every(({ in_flight }: { in_flight: number }) => in_flight === 0);
}, { ms: 30_000 });
checks.push(["nothing is in flight", true]);
const given = await until("descriptors", () => descriptors(pid) <= before + KEPT_DESCRIPTORS)
  .then(() => true, () => false);
checks.push([`descriptors: ${before} before, ${descriptors(pid)} afterwards`, given]);
let used = Infinity;
// What V8 collects behind the load is not what it does when idle.
for (let window = 0; window < IDLE_WINDOWS && used > IDLE_CPU; window++) {
  const cpu = cpuMicros(pid);
  await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
  used = Math.min(used, (cpuMicros(pid) - cpu) / 1e6 / IDLE_SECONDS);
}
checks.push([`idle: ${(used * 100).toFixed(2)} % of a core`, used <= IDLE_CPU]);
const defects = router.log.filter(({ message }) => message === "internal error").length;
checks.push([`internal errors: ${defects}; noise: ${router.noise.length} bytes`, defects === 0]);

for (const [what, ok] of checks) console.log(`${ok ? "ok" : "FAILED"}: ${what}`);
const failed = checks.filter(([, ok]) => !ok).length;
console.log(`${load.told()}\n${checks.length - failed} passed, ${failed} failed`);
await stack.disposeAsync();
Deno.exit(failed === 0 ? 0 : 1);
