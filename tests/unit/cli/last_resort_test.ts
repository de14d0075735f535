import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { LastResort } from "../../../src/cli/last_resort.ts";
import type { LogFields } from "../../../src/observe/log.ts";

interface Line {
  message: string;
  fields: LogFields;
}

function setUp(): { target: EventTarget; last: LastResort; lines: Line[]; clock: { now: number } } {
  const target = new EventTarget();
  const lines: Line[] = [];
  const clock = { now: 0 };
  const last = new LastResort({
    log: { error: (message, fields = {}) => void lines.push({ message, fields }) },
    now: () => clock.now,
  });
  last.listen(target);
  return { target, last, lines, clock };
}

/** Whether the process would have gone on. */
function reject(target: EventTarget, reason: unknown): boolean {
  const promise = Promise.resolve();
  return !target.dispatchEvent(
    new PromiseRejectionEvent("unhandledrejection", { promise, reason, cancelable: true }),
  );
}

function fail(target: EventTarget, error: unknown): boolean {
  return !target.dispatchEvent(new ErrorEvent("error", { error, cancelable: true }));
}

Deno.test("LastResort keeps the process, logs what nobody caught, and counts it", () => {
  const { target, last, lines } = setUp();
  const [rejection, exception] = [new Error("a"), new TypeError("b")];
  assert(reject(target, rejection));
  assert(fail(target, exception));
  assertEquals(lines, [
    { message: "internal error", fields: { event: "unhandledrejection", error: rejection } },
    { message: "internal error", fields: { event: "error", error: exception } },
  ]);
  assertEquals(last.count, 2);
});

Deno.test("LastResort tells also of what is no error, cut short", () => {
  const { target, lines } = setUp();
  const ring: unknown[] = [];
  ring.push(ring);
  const odd = {
    get [Symbol.toStringTag](): string {
      throw new Error("no");
    },
  }; // deno-fmt-ignore
  for (const reason of [undefined, null, "text", Symbol("s"), ring, odd, "x".repeat(1e6)]) {
    assert(reject(target, reason));
  }
  const told = lines.map(({ fields }) => fields["error"]);
  assert(told.every((text) => typeof text === "string" && text.length < 2000), String(told));
  assertEquals(told.slice(0, 4), ["undefined", "null", '"text"', "Symbol(s)"]);
  assertStringIncludes(String(told[4]), "Circular");
  assertEquals(told.length, 7);
});

Deno.test("LastResort goes on, and does not loop, if the log fails", () => {
  const target = new EventTarget();
  let asked = 0;
  const last = new LastResort({
    log: {
      error: () => {
        asked++;
        throw new Error("the log is broken");
      },
    },
    now: () => 0,
  });
  last.listen(target);
  assert(fail(target, new Error("a")));
  assert(reject(target, new Error("b")));
  assertEquals([asked, last.count], [2, 2]);
});

Deno.test("LastResort logs ten lines in ten seconds at most, and then how many it left out", () => {
  const { target, last, lines, clock } = setUp();
  for (let i = 0; i < 1000; i++) reject(target, new Error("again"));
  assertEquals([lines.length, last.count], [10, 1000]);
  clock.now = 9_999;
  reject(target, new Error("again"));
  assertEquals(lines.length, 10);
  clock.now = 10_000;
  for (let i = 0; i < 3; i++) reject(target, new Error("again"));
  assertEquals(lines.length, 13);
  assertEquals(lines.map(({ fields }) => fields["not_logged"]).slice(9), [
    undefined,
    991,
    undefined,
    undefined,
  ]);
});

Deno.test("LastResort ends a ring of log and error: what the log causes is bounded, too", () => {
  const target = new EventTarget();
  let asked = 0;
  const last = new LastResort({
    log: { error: () => void (asked++, fail(target, new Error("from the log"))) },
    now: () => 0,
  });
  last.listen(target);
  fail(target, new Error("first"));
  assertEquals([asked, last.count], [10, 11]);
});
