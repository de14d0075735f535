import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { until } from "../../support/until.ts";
import { within } from "../../support/within.ts";

const never = new Promise<never>(() => {});

Deno.test("what does not come in time is named, with what there is instead", async () => {
  await assertRejects(
    () => within(never, "the answer", { ms: 20, seen: () => ["a head"] }),
    Error,
    'not within 0.02 s: the answer; seen: [ "a head" ]',
  );
  await assertRejects(() => until("it holds", () => never, { ms: 20 }), Error, "it holds");
  await assertRejects(() => until("it holds", () => false, { ms: 20 }), Error, "it holds");
});

Deno.test("a limit goes by the real clock, and what comes in time passes", async () => {
  using _ = new FakeTime(0);
  await assertRejects(() => within(never, "the answer", { ms: 20 }), Error, "the answer");
  assertEquals(await within(Promise.resolve(1), "the answer"), 1);
  await assertRejects(() => within(Promise.reject(new Error("own")), "the answer"), Error, "own");
});
