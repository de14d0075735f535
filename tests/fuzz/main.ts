/**
 * `deno task fuzz --count 100000 --seed 7`: so many answers to our client, and inputs to a real router, that nobody
 * would send. What fails is named, for the corpus.
 */
import { parseArgs } from "node:util";
import { fuzzAnswers } from "./answers.ts";
import { fuzzRequests } from "./requests.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "2000" },
  },
});
const [seed, count] = [Number(values.seed), Number(values.count)];
if (![seed, count].every((number) => Number.isSafeInteger(number) && number > 0)) {
  console.error("usage: deno task fuzz [--seed N] [--count N]");
  Deno.exit(64);
}
for (const [what, fuzz] of [["answers", fuzzAnswers], ["requests", fuzzRequests]] as const) {
  const began = performance.now();
  const found = await fuzz(seed, count);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(`${count} ${what}, ${seconds} s: ${JSON.stringify(found)}`);
}
