import { assert, assertEquals } from "@std/assert";
import { byModel } from "../../../src/policy/by_model.ts";
import { createRoundRobin } from "../../../src/policy/round_robin.ts";
import { keysOf, newBackend } from "../../contract/backends.ts";

Deno.test("calls of one model do not move the turns of another", () => {
  const policyOf = byModel(createRoundRobin);
  const backends = [newBackend("a"), newBackend("b")];
  const turns = ["m", "n", "m", "n", "m", "n"].map((model) =>
    policyOf(model).choose(backends, keysOf(model), 0).backend.name
  );
  assertEquals(turns.join(""), "aabbaa");
});

Deno.test("policies of models without end do not pile up", () => {
  let made = 0;
  const policyOf = byModel(() => (made++, createRoundRobin()));
  assert(policyOf("m") === policyOf("m"));
  for (let index = 0; index < 25_000; index++) policyOf(`m${index}`);
  const before = made;
  for (let index = 0; index < 25_000; index++) policyOf(`m${index}`);
  assert(made - before > 10_000, "old ones are forgotten");
});
