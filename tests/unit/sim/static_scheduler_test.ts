import { assertEquals } from "@std/assert";
import { StaticScheduler } from "../../../src/sim/static_scheduler.ts";
import { StepLoop } from "../../../src/sim/step_loop.ts";
import { generation, HandClock, tokens } from "./hand_clock.ts";

Deno.test("StaticScheduler runs one answer at a time, first in, first out", async () => {
  const [a, b] = [
    generation({ prompt: 5, maxTokens: 3 }),
    generation({ prompt: tokens("q", 7), maxTokens: 2 }),
  ];
  const clock = new HandClock(new Map([[a, "a"], [b, "b"]]));
  const loop = new StepLoop({ scheduler: new StaticScheduler(), clock });
  loop.add(a);
  loop.add(b);
  assertEquals(loop.waiting, 1);
  await clock.steps(5);
  assertEquals(clock.begun, [
    "prefill 5 a",
    "decode 1 a",
    "decode 1 a",
    "prefill 7 b",
    "decode 1 b",
  ]);
  assertEquals([loop.waiting, loop.steps], [0, 5]);
});

Deno.test("StaticScheduler remembers the last prompt alone, in blocks of 16 tokens", async () => {
  const clock = new HandClock();
  const loop = new StepLoop({ scheduler: new StaticScheduler(), clock });
  const [a, b] = [tokens("a", 210), tokens("b", 210)];
  const computed: unknown[] = [];
  for (const prompt of [a, a, b, a, b]) {
    const one = generation({ prompt, maxTokens: 1 });
    loop.add(one);
    await clock.steps(1);
    computed.push(one.computedTokens);
  }
  assertEquals(computed, [210, 2, 210, 210, 210]);
});

Deno.test("StaticScheduler computes at least the last token of a prompt", async () => {
  const clock = new HandClock();
  const loop = new StepLoop({ scheduler: new StaticScheduler(), clock });
  for (const _ of [1, 2]) {
    loop.add(generation({ prompt: tokens("a", 32), maxTokens: 1 }));
    await clock.steps(1);
  }
  assertEquals(clock.begun, ["prefill 32 ", "prefill 16 "]);
});

Deno.test("StaticScheduler ends an answer where the cache does", async () => {
  const clock = new HandClock();
  const loop = new StepLoop({ scheduler: new StaticScheduler({ maxCacheLen: 10 }), clock });
  const one = generation({ prompt: 8, maxTokens: 0 });
  loop.add(one);
  await clock.steps(9);
  assertEquals([one.over, one.generatedTokens, one.length], [true, 3, 11]);
  const long = generation({ prompt: 11 });
  loop.add(long);
  assertEquals([long.over, long.generatedTokens, long.pieces.take()?.finishReason], [
    true,
    0,
    "length",
  ]);
});
