import { assertEquals } from "@std/assert";
import { createRoundRobin } from "../../../src/policy/round_robin.ts";
import { keysOf, newBackend } from "../../contract/backends.ts";
import { runPolicyContract } from "../../contract/policy.ts";

const KEYS = keysOf("m");

runPolicyContract({ name: "round_robin", create: createRoundRobin });

Deno.test("round_robin spreads a heavy backend's turns instead of giving them in a row", () => {
  const backends = [newBackend("a", { weight: 5 }), newBackend("b"), newBackend("c")];
  const policy = createRoundRobin();
  const turns = Array.from({ length: 14 }, () => policy.choose(backends, KEYS, 0).backend.name)
    .join("");
  assertEquals(turns, "aabacaaaabacaa");
});

Deno.test("round_robin does not look at load", () => {
  const backends = [newBackend("a"), newBackend("b")];
  backends[0]!.load.inFlight = 1000;
  const policy = createRoundRobin();
  assertEquals(
    Array.from({ length: 4 }, () => policy.choose(backends, KEYS, 0).backend.name).join(""),
    "abab",
  );
});

Deno.test("round_robin lets a backend that joins take its turn, and no more", () => {
  const backends = [newBackend("a"), newBackend("b")];
  const policy = createRoundRobin();
  for (let pick = 0; pick < 1001; pick++) policy.choose(backends, KEYS, 0);
  const joined = [...backends, newBackend("c")];
  const turns = Array.from({ length: 9 }, () => policy.choose(joined, KEYS, 0).backend.name);
  assertEquals(turns.filter((name) => name === "c").length, 3);
});
