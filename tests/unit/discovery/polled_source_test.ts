import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { PolledSource, SourceError } from "../../../src/discovery/polled_source.ts";
import type { BackendSpec } from "../../../src/registry/backend.ts";
import { newSpec } from "../../contract/backends.ts";

Deno.test("a polled source tells what is new, what troubles it, and is asked one question at a time", async () => {
  using time = new FakeTime(0);
  const answers: (readonly BackendSpec[] | Error)[] = [
    [newSpec("a")],
    [newSpec("a")],
    new SourceError("refused"),
    new TypeError("a defect"),
    [newSpec("b")],
  ];
  const told: unknown[] = [];
  const defects: unknown[] = [];
  let asked = 0;
  const source = new PolledSource({
    name: "s",
    removalGraceMs: 0,
    intervalMs: 1000,
    read: () => {
      const answer = answers[asked++] ?? [];
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    onDefect: (error) => defects.push(error),
  });
  const stop = source.watch({
    onSpecs: (specs) => told.push(specs.map(({ name }) => name)),
    onTrouble: (reason) => told.push(reason ?? "well"),
  });
  for (let step = 0; step < 4; step++) await time.tickAsync(1000);
  await time.runMicrotasks();
  stop();
  await time.tickAsync(5000);
  assertEquals(told, ["well", ["a"], "well", "refused", "internal error", "well", ["b"]]);
  assertEquals([asked, defects.length], [5, 1]);
});
