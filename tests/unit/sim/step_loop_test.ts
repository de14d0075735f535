import { assertEquals } from "@std/assert";
import type { Generation } from "../../../src/sim/generation.ts";
import { PagedScheduler } from "../../../src/sim/paged_scheduler.ts";
import { StaticScheduler } from "../../../src/sim/static_scheduler.ts";
import { StepLoop } from "../../../src/sim/step_loop.ts";
import { generation, HandClock } from "./hand_clock.ts";

function newLoop(): { loop: StepLoop; clock: HandClock } {
  const clock = new HandClock();
  return { loop: new StepLoop({ scheduler: new StaticScheduler(), clock }), clock };
}

/** Tokens that came out so far. */
function texts(one: Generation): string[] {
  const seen: string[] = [];
  for (let piece = one.pieces.take(); piece !== undefined; piece = one.pieces.take()) {
    seen.push(piece.finishReason ?? piece.text);
  }
  return seen;
}

Deno.test("StepLoop: the client of a running stream leaves: no further step", async () => {
  const { loop, clock } = newLoop();
  const one = generation({ prompt: 3 });
  loop.add(one);
  await clock.steps(2);
  loop.leave(one);
  assertEquals(await clock.steps(3), []);
});

Deno.test("StepLoop: the client of a running whole answer leaves: one further step", async () => {
  const { loop, clock } = newLoop();
  const one = generation({ prompt: 3, stream: false });
  loop.add(one);
  await clock.steps(2);
  loop.leave(one);
  assertEquals(await clock.steps(5), ["decode 1 "]);
});

Deno.test("StepLoop: the client of a whole answer leaves in its prefill: that, and one step", async () => {
  const { loop, clock } = newLoop();
  const one = generation({ prompt: 3, stream: false });
  loop.add(one);
  loop.leave(one);
  await clock.steps(5);
  assertEquals(clock.begun, ["prefill 3 ", "decode 1 "]);
});

Deno.test("StepLoop: a queued stream whose client left costs nothing, a whole answer prefill and step", async () => {
  for (const [stream, work] of [[true, []], [false, ["prefill 1 ", "decode 1 "]]] as const) {
    const { loop, clock } = newLoop();
    const running = generation({ prompt: 3, maxTokens: 2 });
    const queued = generation({ prompt: ["q"], stream });
    loop.add(running);
    loop.add(queued);
    loop.leave(queued);
    assertEquals(loop.waiting, 0);
    await clock.steps(9);
    assertEquals(clock.begun, ["prefill 3 ", "decode 1 ", ...work]);
  }
});

Deno.test("StepLoop: a hung step ends when it is released, and everything goes on", async () => {
  const { loop, clock } = newLoop();
  const one = generation({ prompt: 3, maxTokens: 3 });
  loop.add(one);
  await clock.steps(1);
  loop.hang();
  await clock.steps(3);
  assertEquals([texts(one), loop.healthy], [[" t0"], true]);
  loop.release();
  await clock.steps(3);
  assertEquals(texts(one), [" t1", "length"]);
});

Deno.test("StepLoop: a wrong stop ends it at that answer's first token, and all others hang", async () => {
  for (const stop of [5, true, ["x", 5], [null]]) {
    const clock = new HandClock();
    const loop = new StepLoop({ scheduler: new PagedScheduler(), clock });
    const other = generation({ prompt: 3 });
    loop.add(other);
    await clock.steps(1);
    const poison = generation({ prompt: 3, stop });
    loop.add(poison);
    await clock.steps(3);
    assertEquals(loop.healthy, false, JSON.stringify(stop));
    assertEquals([texts(other), texts(poison)], [[" t0", " t1"], []]);
    const later = generation({ prompt: 3 });
    loop.add(later);
    assertEquals([await clock.steps(3), texts(later), loop.waiting], [[], [], 1]);
  }
});

Deno.test("StepLoop: max_tokens 1 ends an answer before a wrong stop is looked at", async () => {
  const { loop, clock } = newLoop();
  const one = generation({ prompt: 3, stop: 5, maxTokens: 1 });
  loop.add(one);
  await clock.steps(1);
  assertEquals([texts(one), loop.healthy], [["length"], true]);
});

Deno.test("StepLoop: an answer whose time is up ends before the next step; dead or hung, never", async () => {
  const { loop, clock } = newLoop();
  const one = generation({ prompt: 3 });
  const queued = generation({ prompt: 3 });
  loop.add(one);
  loop.add(queued);
  loop.expire(queued);
  assertEquals(texts(queued), []);
  await clock.steps(1);
  assertEquals(texts(queued), ["timeout"]);
  loop.expire(one);
  loop.hang();
  await clock.steps(2);
  assertEquals(texts(one), [" t0"]);
  loop.release();
  await clock.steps(1);
  assertEquals(texts(one), [" t1", "timeout"]);
  loop.add(generation({ prompt: 3 }));
  loop.die();
  const late = generation({ prompt: 3 });
  loop.add(late);
  loop.expire(late);
  assertEquals([await clock.steps(3), texts(late)], [[], []]);
});
