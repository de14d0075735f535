import { assertEquals } from "@std/assert";
import { Cutoff } from "../../../src/proxy/cutoff.ts";

Deno.test("Cutoff remembers its first cause, and signals once", () => {
  const cutoff = new Cutoff();
  let signalled = 0;
  cutoff.on(() => signalled++);
  cutoff.cut("request");
  cutoff.cut("client_left");
  assertEquals([cutoff.cause, cutoff.stopped, signalled], ["request", true, 1]);
});

Deno.test("Cutoff knows its cause when its signal is heard", () => {
  const cutoff = new Cutoff();
  let cause: string | undefined;
  cutoff.on(() => cause = cutoff.cause);
  cutoff.cut("idle");
  assertEquals(cause, "idle");
});

Deno.test("Cutoff tells nobody who has stopped listening", () => {
  const cutoff = new Cutoff();
  const heard: string[] = [];
  const first = (): void => void heard.push("first");
  cutoff.on(first);
  cutoff.on(() => heard.push("second"));
  cutoff.off(first);
  cutoff.off(first);
  cutoff.cut("total");
  assertEquals(heard, ["second"]);
});

Deno.test("a Cutoff that is interrupted stays so for who comes late, until the next attempt begins", () => {
  const cutoff = new Cutoff();
  let told = 0;
  cutoff.on(() => told++);
  cutoff.interrupt();
  assertEquals([cutoff.stopped, cutoff.cause, told], [true, undefined, 1]);
  cutoff.resume();
  assertEquals(cutoff.stopped, false);
  cutoff.cut("idle");
  cutoff.resume();
  assertEquals([cutoff.stopped, told], [true, 1]);
});
