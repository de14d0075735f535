import { assertEquals } from "@std/assert";
import type { Generation } from "../../../src/sim/generation.ts";
import { type PagedOptions, PagedScheduler } from "../../../src/sim/paged_scheduler.ts";
import { StepLoop } from "../../../src/sim/step_loop.ts";
import { generation, HandClock, tokens } from "./hand_clock.ts";

function newLoop(
  options: PagedOptions = {},
  named: Record<string, Generation> = {},
): { loop: StepLoop; clock: HandClock } {
  const clock = new HandClock(new Map(Object.entries(named).map(([name, one]) => [one, name])));
  return { loop: new StepLoop({ scheduler: new PagedScheduler(options), clock }), clock };
}

Deno.test("PagedScheduler reads all waiting prompts at once, then eight answers a step take turns", async () => {
  const names = [..."abcdefghijklmnopqrstuvwx"];
  const named = Object.fromEntries(
    names.map((name) => [name, generation({ prompt: tokens(name, 9) })]),
  );
  const { loop, clock } = newLoop({}, named);
  const first = generation({ prompt: 1, maxTokens: 1 });
  loop.add(first);
  for (const name of names) loop.add(named[name]!);
  assertEquals(loop.waiting, 24);
  await clock.steps(5);
  assertEquals(clock.begun, [
    "prefill 1 ",
    "prefill 216 abcdefghijklmnopqrstuvwx",
    "decode 8 abcdefgh",
    "decode 8 ijklmnop",
    "decode 8 qrstuvwx",
    "decode 8 abcdefgh",
  ]);
  assertEquals(loop.waiting, 0);
});

Deno.test("PagedScheduler stops all answers for a step when a new prompt comes", async () => {
  const [a, b] = [generation({ prompt: 3 }), generation({ prompt: tokens("q", 4) })];
  const { loop, clock } = newLoop({}, { a, b });
  loop.add(a);
  await clock.steps(1);
  loop.add(b);
  await clock.steps(2);
  assertEquals(clock.begun, ["prefill 3 a", "decode 1 a", "prefill 4 b", "decode 2 ab"]);
});

Deno.test("PagedScheduler bounds the prompt tokens of a step, but a single longer prompt passes", async () => {
  const [a, b, c] = [
    generation({ prompt: tokens("a", 1200), maxTokens: 1 }),
    generation({ prompt: tokens("b", 600), maxTokens: 1 }),
    generation({ prompt: tokens("c", 600), maxTokens: 1 }),
  ];
  const { loop, clock } = newLoop({ prefillTokens: 1024 }, { a, b, c });
  for (const one of [a, b, c]) loop.add(one);
  await clock.steps(3);
  assertEquals(clock.begun, ["prefill 1200 a", "prefill 600 b", "prefill 600 c"]);
});

Deno.test("PagedScheduler takes several prompts into a step that has room for them", async () => {
  const { loop, clock } = newLoop();
  loop.add(generation({ prompt: 1, maxTokens: 1 }));
  for (const name of "abcdef") loop.add(generation({ prompt: tokens(name, 600), maxTokens: 1 }));
  await clock.steps(2);
  assertEquals(clock.begun, ["prefill 1 ", "prefill 3600 "]);
});

Deno.test("PagedScheduler remembers every prompt, in blocks of 256 tokens", async () => {
  const { loop, clock } = newLoop();
  const [a, b] = [tokens("a", 1210), tokens("b", 1210)];
  const computed: unknown[] = [];
  for (const prompt of [a, a, b, a, b]) {
    const one = generation({ prompt, maxTokens: 1 });
    loop.add(one);
    await clock.steps(1);
    computed.push(one.computedTokens);
  }
  assertEquals(computed, [1210, 186, 1210, 186, 186]);
});

Deno.test("PagedScheduler computes at least the last token, and remembers what it answered", async () => {
  const { loop, clock } = newLoop({ blockSize: 4 });
  async function computed(prompt: string[], maxTokens: number): Promise<unknown> {
    const one = generation({ prompt, maxTokens });
    loop.add(one);
    await clock.steps(maxTokens);
    return one.computedTokens;
  }
  assertEquals(await computed(tokens("a", 8), 6), 8);
  assertEquals(await computed(tokens("a", 8), 1), 4);
  const turn = [...tokens("a", 8), " t0", " t1", " t2", " t3", "b0"];
  assertEquals(await computed(turn, 1), 1);
});

Deno.test("PagedScheduler forgets the end of the longest unused prompt when it needs its place", async () => {
  const { loop, clock } = newLoop({ blockSize: 4, blocks: 4 });
  const computed: unknown[] = [];
  for (const letter of "abba") {
    const one = generation({ prompt: tokens(letter, 9), maxTokens: 1 });
    loop.add(one);
    await clock.steps(1);
    computed.push(one.computedTokens);
  }
  assertEquals(computed, [9, 9, 1, 5]);
});

Deno.test("PagedScheduler never serves and never refuses what is beyond its blocks; others pass", async () => {
  const [huge, small] = [
    generation({ prompt: 10, maxTokens: 131_072 }),
    generation({ prompt: 10, maxTokens: 2 }),
  ];
  const { loop, clock } = newLoop({}, { huge, small });
  loop.add(huge);
  loop.add(small);
  await clock.steps(3);
  assertEquals(clock.begun, ["prefill 10 small", "decode 1 small"]);
  assertEquals([huge.over, small.over, loop.waiting], [false, true, 1]);
});

Deno.test("PagedScheduler lets a prompt wait until the blocks it may need are free", async () => {
  const [a, b] = [
    generation({ prompt: tokens("a", 4), maxTokens: 8 }),
    generation({ prompt: tokens("b", 4), maxTokens: 8 }),
  ];
  const { loop, clock } = newLoop({ blockSize: 4, blocks: 4 }, { a, b });
  loop.add(a);
  loop.add(b);
  await clock.steps(9);
  assertEquals([a.over, b.over, clock.begun[0], clock.begun[8]], [
    true,
    false,
    "prefill 4 a",
    "prefill 4 b",
  ]);
});

Deno.test("PagedScheduler without a limit runs out of blocks, and the step loop dies of it", async () => {
  const { loop, clock } = newLoop({ blockSize: 4, blocks: 3 });
  loop.add(generation({ prompt: 4, maxTokens: 0 }));
  await clock.steps(8);
  assertEquals(loop.healthy, true);
  await clock.steps(1);
  assertEquals(loop.healthy, false);
});
