import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Outbox } from "../../../src/sim/outbox.ts";

const { signal } = new AbortController();

Deno.test("Outbox gives things in order, and tells when the first is there", async () => {
  const box = new Outbox<number>();
  const arrival = box.arrival({ withinMs: 60_000, signal });
  assertEquals(box.take(), undefined);
  box.put(1);
  box.put(2);
  await arrival;
  await box.arrival({ withinMs: 60_000, signal });
  assertEquals([box.take(), box.take(), box.take()], [1, 2, undefined]);
});

Deno.test("Outbox waits no longer than it is told", async () => {
  using time = new FakeTime(0);
  const arrival = new Outbox<number>().arrival({ withinMs: 100, signal });
  await time.tickAsync(100);
  await arrival;
});

Deno.test("Outbox ends a wait with the signal's reason", async () => {
  const left = new AbortController();
  const arrival = new Outbox<number>().arrival({ withinMs: 60_000, signal: left.signal });
  left.abort(new Error("left"));
  await assertRejects(() => arrival, Error, "left");
  await assertRejects(
    () => new Outbox<number>().arrival({ withinMs: 1, signal: left.signal }),
    Error,
    "left",
  );
});
