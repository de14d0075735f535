import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { isSilent } from "../../../src/proxy/silent.ts";

const OPTIONS = { firstMs: 50, everyMs: 100, enough: () => true };

Deno.test("what comes before the time is not silent, be it an error", async () => {
  using _ = new FakeTime();
  assertEquals(await isSilent(Promise.resolve(1), OPTIONS), false);
  assertEquals(await isSilent(Promise.reject(new Error()), OPTIONS), false);
});

Deno.test("what does not is, once that is enough", async () => {
  using time = new FakeTime();
  const asked: number[] = [];
  const enough = (): boolean => asked.push(Date.now()) === 3;
  const began = Date.now();
  const silent = isSilent(new Promise(() => {}), { ...OPTIONS, enough });
  await time.tickAsync(1000);
  assertEquals(await silent, true);
  assertEquals(asked.map((at) => at - began), [50, 150, 250]);
});
