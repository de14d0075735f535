import { assert, assertEquals, assertRejects } from "@std/assert";
import { setImmediate } from "node:timers";
import { outlineOf, parseLarge } from "../../../src/proxy/large_body.ts";
import { Cutoff } from "../../../src/proxy/cutoff.ts";
import { OneAtATime } from "../../../src/proxy/one_at_a_time.ts";

const MEBIBYTE = 1024 * 1024;
const encoder = new TextEncoder();
const OPTIONS = { maxDepth: 256, check: () => {} };

/** How often others have their turn while something is done. */
async function turnsWhile(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let over = false;
  const turn = (): void => {
    turns++;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  await work;
  over = true;
  return turns;
}

Deno.test("promise 39: others have their turn at least each 8 KiB of a large body, however it is read", async () => {
  const bytes = encoder.encode(`{"messages":[${"{},".repeat(8 * MEBIBYTE / 3)}{}]}`);
  assert(await turnsWhile(outlineOf(bytes, OPTIONS)) >= 1000);
  const text = encoder.encode(`{"a":"${"ä".repeat(4 * MEBIBYTE)}"}`);
  assert(await turnsWhile(outlineOf(text, OPTIONS)) >= 1000);
  assert(await turnsWhile(parseLarge(text, OPTIONS)) >= 1000);
});

Deno.test("a large body is read up to where nobody wants it any more", async () => {
  const bytes = encoder.encode(`{"a":"${"b".repeat(4 * MEBIBYTE)}"}`);
  let steps = 0;
  const check = (): void => {
    if (++steps === 3) throw new Error("gone");
  };
  await assertRejects(() => outlineOf(bytes, { maxDepth: 256, check }), Error, "gone");
  assertEquals(steps, 3);
});

Deno.test("characters of two to four bytes are read whole, wherever a step would end", async () => {
  for (const character of ["ä", "好", "😀"]) {
    for (let shift = 0; shift < 4; shift++) {
      const text = `{"${"x".repeat(shift)}":"${character.repeat(MEBIBYTE / 2)}"}`;
      const bytes = encoder.encode(text);
      assertEquals((await outlineOf(bytes, OPTIONS)).dense, false);
      assert(JSON.stringify(await parseLarge(bytes, OPTIONS)) === text);
    }
  }
});

Deno.test("works that are done one at a time go on behind one that fails", async () => {
  const works = new OneAtATime();
  const never = { stopped: false, on: () => {}, off: () => {} };
  const order: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = works.run(async () => {
    order.push("first");
    await promise;
    throw new Error("first");
  }, never);
  const second = works.run(async () => void order.push("second"), never);
  resolve();
  await assertRejects(() => first, Error, "first");
  await second;
  assertEquals(order, ["first", "second"]);
});

Deno.test("a work whose time is over waits no more, and is not done", async () => {
  const works = new OneAtATime();
  const { promise, resolve } = Promise.withResolvers<void>();
  const cutoff = new Cutoff();
  const first = works.run(() => promise, cutoff);
  const leaving = new Cutoff();
  let done = false;
  const second = works.run(async () => void (done = true), leaving);
  leaving.cut("client_left");
  assertEquals(await second, undefined);
  resolve();
  await first;
  assertEquals(done, false);
});
