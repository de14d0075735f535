import { assertEquals } from "@std/assert";
import { createRoundRobin } from "../../../src/policy/round_robin.ts";
import { newBackend } from "../../contract/backends.ts";
import { runPolicyContract } from "../../contract/policy.ts";

runPolicyContract({ name: "round_robin", create: createRoundRobin });

Deno.test("round_robin spreads a heavy backend's turns instead of giving them in a row", () => {
  const backends = [newBackend("a", { weight: 5 }), newBackend("b"), newBackend("c")];
  const choose = createRoundRobin();
  const turns = Array.from({ length: 14 }, () => choose(backends).name).join("");
  assertEquals(turns, "aabacaaaabacaa");
});

Deno.test("round_robin does not look at load", () => {
  const backends = [newBackend("a"), newBackend("b")];
  backends[0]!.inFlight = 1000;
  const choose = createRoundRobin();
  assertEquals(Array.from({ length: 4 }, () => choose(backends).name).join(""), "abab");
});

Deno.test("round_robin lets a backend that joins take its turn, and no more", () => {
  const backends = [newBackend("a"), newBackend("b")];
  const choose = createRoundRobin();
  for (let pick = 0; pick < 1001; pick++) choose(backends);
  const joined = [...backends, newBackend("c")];
  const turns = Array.from({ length: 9 }, () => choose(joined).name);
  assertEquals(turns.filter((name) => name === "c").length, 3);
});
