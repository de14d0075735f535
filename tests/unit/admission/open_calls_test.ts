import { assertEquals } from "@std/assert";
import { OpenCalls } from "../../../src/admission/open_calls.ts";

Deno.test("OpenCalls are idle at once if there are none, else when the last has ended", async () => {
  const calls = new OpenCalls(10);
  await calls.idle();
  calls.begin();
  calls.begin();
  let idle = false;
  const waiting = calls.idle().then(() => idle = true);
  calls.end();
  await Promise.resolve();
  assertEquals([idle, calls.count], [false, 1]);
  calls.end();
  await waiting;
  assertEquals([idle, calls.count], [true, 0]);
});
