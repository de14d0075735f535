import { assert, assertEquals } from "@std/assert";
import { createP2c } from "../../../src/policy/p2c.ts";
import { keysOf, newBackend, type TestBackend } from "../../contract/backends.ts";
import { runPolicyContract, seeded } from "../../contract/policy.ts";

runPolicyContract({
  name: "p2c",
  create: createP2c,
  exceptions: {
    "equals take turns": "it draws at random; its turns are even in the long run only",
    "weights are honoured without load": "it compares load per weight, and without load all are 0",
    "nobody gets a burst after coming back": "it has no memory, so nothing can be saved up",
  },
});

/** A source of numbers that gives these, in turn. */
function fixed(...numbers: number[]): () => number {
  return () => numbers.shift() ?? 0;
}

/** Whom p2c chooses. */
function chosen(random: () => number, candidates: readonly TestBackend[]): TestBackend {
  return createP2c(random).choose(candidates, keysOf("m"), 0).backend as TestBackend;
}

function pool(...loads: number[]): TestBackend[] {
  return loads.map((inFlight, index) => {
    const backend = newBackend(`b${index}`);
    backend.load.inFlight = inFlight;
    return backend;
  });
}

Deno.test("p2c draws two distinct candidates, every pair as often as any other", () => {
  // Only the two drawn can win, and the busiest of all wins only if it is drawn twice.
  for (let size = 2; size <= 6; size++) {
    const wins = new Map<string, number>();
    for (let first = 0; first < size; first++) {
      for (let second = 0; second < size - 1; second++) {
        const loads = Array.from({ length: size }, (_, index) => index);
        const random = fixed((first + 0.5) / size, (second + 0.5) / (size - 1));
        const { name } = chosen(random, pool(...loads));
        wins.set(name, (wins.get(name) ?? 0) + 1);
      }
    }
    // Of size·(size−1) ordered pairs, backend i is the less loaded in 2·(size−1−i).
    const expected = new Map<string, number>();
    for (let index = 0; index < size - 1; index++) {
      expected.set(`b${index}`, 2 * (size - 1 - index));
    }
    assertEquals(new Map([...wins].sort()), expected);
  }
});

Deno.test("p2c stays within the candidates at the ends of its random numbers", () => {
  const last = 1 - Number.EPSILON / 2;
  for (const numbers of [[0, 0], [last, last], [0, last], [last, 0]]) {
    assert(chosen(fixed(...numbers), pool(1, 2, 3)) !== undefined);
  }
});

Deno.test("p2c between equals takes the one drawn first", () => {
  assertEquals(chosen(fixed(0.4, 0), pool(1, 1, 1)).name, "b1");
  assertEquals(chosen(fixed(0, 0.9), pool(1, 1, 1)).name, "b0");
});

Deno.test("p2c compares load per weight", () => {
  const heavy = newBackend("heavy", { weight: 10 });
  const light = newBackend("light");
  heavy.load.inFlight = 9;
  light.load.inFlight = 1;
  for (let seed = 0; seed < 20; seed++) {
    assertEquals(chosen(seeded(seed), [light, heavy]).name, "heavy");
  }
});
