import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { seededRandom } from "../../../src/sim/random.ts";
import type { Step } from "../../../src/sim/scheduler.ts";
import { StepClock } from "../../../src/sim/step_clock.ts";

const PREFILL: Step = { rows: [], kind: "prefill", tokens: 50 };
const DECODE: Step = { rows: [], kind: "decode", tokens: 8 };
const { signal } = new AbortController();

function newClock(options: Partial<ConstructorParameters<typeof StepClock>[0]> = {}): StepClock {
  return new StepClock({
    timeToFirstTokenMs: 100,
    prefillTokensPerSecond: 1000,
    tokensPerSecond: 20,
    jitter: 0,
    random: seededRandom(1),
    now: () => Date.now(),
    ...options,
  });
}

/** The times at which the steps ended. */
async function walk(clock: StepClock, steps: readonly Step[]): Promise<number[]> {
  const times: number[] = [];
  clock.begin();
  for (const step of steps) {
    await clock.pass(step, signal);
    times.push(Date.now());
  }
  return times;
}

async function passes(time: FakeTime, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) await time.tickAsync(10);
}

Deno.test("StepClock gives a prefill its tokens' time, a step its own, whoever is in it", async () => {
  using time = new FakeTime(0);
  const walked = walk(newClock(), [PREFILL, DECODE, DECODE, PREFILL]);
  await passes(time, 400);
  assertEquals(await walked, [150, 200, 250, 400]);
});

Deno.test("StepClock without rates takes no time but for what comes first", async () => {
  using time = new FakeTime(0);
  const options = { prefillTokensPerSecond: 0, tokensPerSecond: 0 };
  const walked = walk(newClock(options), [PREFILL, ...Array(10).fill(DECODE)]);
  await passes(time, 100);
  assertEquals(await walked, Array(11).fill(100));
});

Deno.test("StepClock begins anew after work was held up: nothing is caught up with", async () => {
  using time = new FakeTime(0);
  const clock = newClock();
  clock.begin();
  const first = clock.pass(DECODE, signal);
  await passes(time, 1000);
  await first;
  const walked = walk(clock, [DECODE, DECODE]);
  await passes(time, 100);
  assertEquals(await walked, [1050, 1100]);
});

Deno.test("StepClock ends a wait with the signal's reason", async () => {
  const ended = new AbortController();
  const clock = newClock();
  clock.begin();
  const passing = clock.pass(PREFILL, ended.signal);
  ended.abort(new Error("ended"));
  await assertRejects(() => passing, Error, "ended");
});
