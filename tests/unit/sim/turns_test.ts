import { assertEquals, assertRejects } from "@std/assert";
import { Turns } from "../../../src/sim/turns.ts";

const { signal } = new AbortController();

Deno.test("Turns lets calls run in the order they came, so many at once", async () => {
  const turns = new Turns(1);
  const order: number[] = [];
  async function call(number: number): Promise<void> {
    const end = await turns.take(signal);
    order.push(number);
    await Promise.resolve();
    end();
  }
  const calls = [1, 2, 3].map(call);
  assertEquals(turns.waiting, 2);
  await Promise.all(calls);
  assertEquals(order, [1, 2, 3]);
  assertEquals(turns.waiting, 0);
});

Deno.test("Turns drops a waiting call whose signal is aborted, and the next one moves up", async () => {
  const turns = new Turns(1);
  const end = await turns.take(signal);
  const left = new AbortController();
  const second = turns.take(left.signal);
  const third = turns.take(signal);
  left.abort(new Error("left"));
  await assertRejects(() => second, Error, "left");
  end();
  (await third)();
  assertEquals(turns.waiting, 0);
});

Deno.test("Turns without a limit lets everyone in", async () => {
  const turns = new Turns(0);
  await Promise.all(Array.from({ length: 100 }, () => turns.take(signal)));
  assertEquals(turns.waiting, 0);
});
