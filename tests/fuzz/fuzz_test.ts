import { fuzzAnswers } from "./answers.ts";
import { fuzzRequests } from "./requests.ts";

const COUNT = 2000;
const SEED = 1;

Deno.test("answers that nobody would send are read alike however they are cut, and only fail as they may", async () => {
  await fuzzAnswers(SEED, COUNT);
});

Deno.test("promise 44: requests that nobody would send get an answer of HTTP or none, reach no engine, and leave nothing", async () => {
  await fuzzRequests(SEED, COUNT);
});
