import { assertEquals } from "@std/assert";
import { type OpenCall, OpenCalls } from "../../../src/admission/open_calls.ts";

function call(onShutDown = (): void => {}): OpenCall {
  return { shutDown: onShutDown };
}

Deno.test("OpenCalls are idle at once if there are none, else when the last has ended", async () => {
  const calls = new OpenCalls(10);
  await calls.idle();
  const [one, other] = [call(), call()];
  calls.begin(one);
  calls.begin(other);
  let idle = false;
  const waiting = calls.idle().then(() => idle = true);
  calls.end(one);
  await Promise.resolve();
  assertEquals([idle, calls.count], [false, 1]);
  calls.end(other);
  await waiting;
  assertEquals([idle, calls.count], [true, 0]);
});

Deno.test("OpenCalls that are shut down end all there are, though each leaves meanwhile", () => {
  const calls = new OpenCalls(10);
  let ended = 0;
  for (let i = 0; i < 3; i++) {
    const one = call(() => {
      ended++;
      calls.end(one);
    });
    calls.begin(one);
  }
  calls.shutDown();
  assertEquals([ended, calls.count], [3, 0]);
});
