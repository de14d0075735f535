import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Cutoff } from "../../../src/proxy/cutoff.ts";
import { pause } from "../../../src/proxy/pause.ts";

Deno.test("a pause lasts as long as it is told, and ends at once with its call", async () => {
  using time = new FakeTime(0);
  for (const cutAt of [undefined, 30, 0]) {
    const cutoff = new Cutoff();
    if (cutAt === 0) cutoff.cut("request");
    let over = false;
    pause(100, cutoff).then(() => over = true);
    await time.runMicrotasks();
    assertEquals(over, cutAt === 0);
    await time.tickAsync(30);
    if (cutAt === 30) cutoff.cut("client_left");
    await time.runMicrotasks();
    assertEquals(over, cutAt !== undefined);
    await time.tickAsync(70);
    assertEquals(over, true);
  }
});
