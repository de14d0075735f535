import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Pace, pause, stall } from "../../../src/sim/pace.ts";
import { seededRandom } from "../../../src/sim/random.ts";

function newPace(options: Partial<ConstructorParameters<typeof Pace>[0]> = {}): Pace {
  return new Pace({
    timeToFirstTokenMs: 100,
    tokensPerSecond: 10,
    jitter: 0,
    random: seededRandom(1),
    signal: new AbortController().signal,
    now: () => Date.now(),
    ...options,
  });
}

/** Lets time pass in small steps, so that what waits in a row gets its turn in between. */
async function passes(time: FakeTime, ms: number, step = 10): Promise<void> {
  for (let passed = 0; passed <= ms; passed += step) await time.tickAsync(step);
}

/** The times at which the tokens came. */
async function walk(pace: Pace, tokens: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < tokens; index++) {
    await pace.until(index);
    times.push(Date.now());
  }
  return times;
}

Deno.test("Pace gives every token its time from the start", async () => {
  using time = new FakeTime(0);
  const walked = walk(newPace(), 4);
  await passes(time, 400);
  assertEquals(await walked, [100, 200, 300, 400]);
});

Deno.test("Pace makes up for a late token: the next ones come at their own time", async () => {
  using time = new FakeTime(0);
  const pace = newPace();
  const first = pace.until(0);
  await time.tickAsync(350);
  await first;
  const walked = walk(pace, 5);
  await passes(time, 150);
  assertEquals(await walked, [350, 350, 350, 400, 500]);
});

Deno.test("Pace without a rate gives all tokens at once after the first", async () => {
  using time = new FakeTime(0);
  const walked = walk(newPace({ tokensPerSecond: 0 }), 3);
  await passes(time, 100);
  assertEquals(await walked, [100, 100, 100]);
});

Deno.test("Pace keeps jitter inside its share and tokens in order", async () => {
  using time = new FakeTime(0);
  const pace = newPace({ jitter: 0.5, timeToFirstTokenMs: 20, tokensPerSecond: 100 });
  const walked = walk(pace, 30);
  await passes(time, 350, 1);
  const times = await walked;
  const [first = 0] = times;
  assert(first >= 10 && first <= 31, `first at ${first}`);
  for (const [index, at] of times.entries()) {
    const late = at - first - index * 10;
    assert(late >= -1 && late <= 7, `token ${index} is ${late} ms late`);
  }
  assert(new Set(times.map((at, index) => at - index * 10)).size > 2, "there is some jitter");
});

Deno.test("Pace and its waits end at once with the signal's reason and leave no timer", async () => {
  const left = new AbortController();
  const waits = [
    newPace({ signal: left.signal }).until(100),
    pause(100_000, left.signal),
    stall(left.signal),
  ];
  left.abort(new Error("left"));
  for (const wait of waits) await assertRejects(() => wait, Error, "left");
  await assertRejects(() => pause(1, left.signal), Error, "left");
  await assertRejects(() => stall(left.signal), Error, "left");
});
