import { assertEquals } from "@std/assert";
import { isFailure, type Outcome } from "../../src/outcome.ts";

const OUTCOMES: [outcome: Outcome, failure: boolean][] = [
  [{ kind: "completed", status: 200 }, false],
  [{ kind: "completed", status: 429 }, false],
  [{ kind: "completed", status: 499 }, false],
  [{ kind: "completed", status: 500 }, true],
  [{ kind: "refused" }, true],
  [{ kind: "broke", phase: "body" }, true],
  [{ kind: "timed_out", phase: "head" }, true],
  [{ kind: "client_left", phase: "body" }, false],
];

for (const [outcome, failure] of OUTCOMES) {
  Deno.test(`${JSON.stringify(outcome)} is ${failure ? "" : "not "}the backend's fault`, () => {
    assertEquals(isFailure(outcome), failure);
  });
}
