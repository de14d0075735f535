/**
 * `deno task chaos --seed 7`: one run of chaos; `--seeds 1-1000` many, two at a time. `--calls` is how many calls
 * each makes (2000). A run that fails says why, and the others go on; the last line counts.
 */
import { parseArgs } from "node:util";
import { chaos, type Ends } from "./run.ts";

const AT_ONCE = 2;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    calls: { type: "string", default: "2000" },
  },
});
const [from, to = from] = (values.seeds ?? values.seed ?? "1").split("-").map(Number);
const calls = Number(values.calls);
if (![from, to, calls].every((number) => Number.isSafeInteger(number) && number! > 0)) {
  console.error("usage: deno task chaos [--seed N | --seeds FROM-TO] [--calls N]");
  Deno.exit(64);
}

let next = from!;
let failed = 0;
const all: Record<string, number> = {};
async function work(): Promise<void> {
  for (let seed = next++; seed <= to!; seed = next++) {
    const began = performance.now();
    try {
      const ends: Ends = await chaos(seed, { calls });
      for (const [end, count] of Object.entries(ends)) all[end] = (all[end] ?? 0) + count;
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      console.log(`seed ${seed}: ${seconds} s, ${JSON.stringify(ends)}`);
    } catch (error) {
      failed++;
      console.log(error instanceof Error ? error.message : error);
    }
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, work));
console.log(`${to! - from! + 1} seeds of ${calls} calls, ${failed} failed: ${JSON.stringify(all)}`);
Deno.exit(failed === 0 ? 0 : 1);
