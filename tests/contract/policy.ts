import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Backend } from "../../src/registry/backend.ts";
import type { Policy } from "../../src/registry/choice.ts";
import { keysOf, newBackend, type TestBackend } from "./backends.ts";

/** What every policy promises. One that does not lists the promise with its reason. */
export type PolicyPromise =
  | "equals take turns"
  | "weights are honoured without load"
  | "weights are honoured under load"
  | "nobody gets a burst after coming back";

export interface PolicyContract {
  name: string;
  /** `random` gives numbers in [0, 1). */
  create: (random: () => number) => Policy;
  exceptions?: Partial<Record<PolicyPromise, string>>;
}

/** A small generator of numbers in [0, 1), the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const left = [...items];
  const out: T[] = [];
  while (left.length > 0) out.push(...left.splice(Math.floor(random() * left.length), 1));
  return out;
}

/** Whom the policy chooses. */
function chooser(policy: Policy): (candidates: readonly Backend[]) => TestBackend {
  return (candidates) => policy.choose(candidates, keysOf("m"), 0).backend as TestBackend;
}

function named(weights: readonly number[]): TestBackend[] {
  return weights.map((weight, index) => newBackend(`b${index}`, { weight }));
}

/** How often each was chosen, without any load. */
function countPicks(
  policy: Policy,
  { backends, picks, order }: {
    backends: readonly Backend[];
    picks: number;
    order: (backends: readonly Backend[]) => readonly Backend[];
  },
): number[] {
  const choose = chooser(policy);
  const counts = backends.map(() => 0);
  for (let pick = 0; pick < picks; pick++) counts[backends.indexOf(choose(order(backends)))]!++;
  return counts;
}

/** Runs the one suite that every policy must pass. */
export function runPolicyContract({ name, create, exceptions = {} }: PolicyContract): void {
  function promise(what: PolicyPromise, test: () => void): void {
    const reason = exceptions[what];
    if (reason === undefined) Deno.test(`policy ${name}: ${what}`, test);
    else Deno.test({ name: `policy ${name}: not "${what}": ${reason}`, ignore: true, fn: test });
  }

  Deno.test(`policy ${name}: the choice is one of the candidates, in any order and number`, () => {
    const backends = named([1, 2, 3, 1, 5, 1]);
    fc.assert(
      fc.property(
        fc.array(fc.shuffledSubarray(backends, { minLength: 1 }), { minLength: 1, maxLength: 30 }),
        fc.array(fc.nat(20), { minLength: 6, maxLength: 6 }),
        fc.nat(),
        (rounds, loads, seed) => {
          const choose = chooser(create(seeded(seed)));
          for (const [index, backend] of backends.entries()) backend.load.inFlight = loads[index]!;
          for (const candidates of rounds) assert(candidates.includes(choose(candidates)));
        },
      ),
      { seed: 11, numRuns: 200 },
    );
  });

  Deno.test(`policy ${name}: a single candidate is chosen, every time`, () => {
    const choose = chooser(create(seeded(1)));
    const [one] = named([3]);
    for (let pick = 0; pick < 20; pick++) assertEquals(choose([one!]) === one, true);
  });

  Deno.test(`policy ${name}: a full candidate is not chosen while another has room`, () => {
    const choose = chooser(create(seeded(1)));
    const backends = [0, 1, 2].map((index) => newBackend(`b${index}`, { maxInFlight: 1 }));
    for (const free of backends) {
      for (const backend of backends) backend.load.inFlight = backend === free ? 0 : 1;
      for (let pick = 0; pick < 5; pick++) assertEquals(choose(backends).name, free.name);
    }
  });

  Deno.test(`policy ${name}: choosing changes nothing about the backends`, () => {
    const choose = chooser(create(seeded(1)));
    const backends = Object.freeze(named([1, 1]));
    for (let pick = 0; pick < 20; pick++) choose(backends);
    assertEquals(backends.map(({ inFlight }) => inFlight), [0, 0]);
  });

  promise("equals take turns", () => {
    const random = seeded(5);
    for (
      const order of [
        (all: readonly Backend[]) => all,
        (all: readonly Backend[]) => shuffled(all, random),
      ]
    ) {
      for (let size = 2; size <= 6; size++) {
        const backends = named(Array(size).fill(1));
        const counts = countPicks(create(seeded(7)), { backends, picks: size * 50, order });
        assertEquals(counts, Array(size).fill(50));
      }
    }
  });

  Deno.test(`policy ${name}: nobody is starved among equals`, () => {
    const random = seeded(5);
    for (let size = 2; size <= 6; size++) {
      const backends = named(Array(size).fill(1));
      const order = (all: readonly Backend[]): Backend[] => shuffled(all, random);
      const counts = countPicks(create(seeded(size)), { backends, picks: size * 1000, order });
      for (const count of counts) assert(count > 850 && count < 1150, `${counts}`);
    }
  });

  promise("weights are honoured without load", () => {
    const random = seeded(9);
    const weights = [5, 1, 1, 3];
    const order = (all: readonly Backend[]): Backend[] => shuffled(all, random);
    const counts = countPicks(create(seeded(3)), { backends: named(weights), picks: 1000, order });
    for (const [index, count] of counts.entries()) {
      assert(Math.abs(count - weights[index]! * 100) <= 4, `${counts}`);
    }
  });

  promise("weights are honoured under load", () => {
    // Calls of equal length, so many at a time: each is counted from its pick to its end.
    const weights = [4, 2, 1, 1];
    const backends = named(weights);
    const random = seeded(13);
    const choose = chooser(create(random));
    const running: TestBackend[] = [];
    const counts = weights.map(() => 0);
    for (let call = 0; call < 4000; call++) {
      if (running.length === 40) running.splice(Math.floor(random() * 40), 1)[0]!.load.end();
      const backend = choose(shuffled(backends, random));
      backend.load.begin();
      running.push(backend);
      counts[backends.indexOf(backend)]!++;
    }
    for (const [index, count] of counts.entries()) {
      const share = count / 4000 / (weights[index]! / 8);
      assert(share > 0.8 && share < 1.25, `${counts}`);
    }
  });

  promise("nobody gets a burst after coming back", () => {
    const random = seeded(17);
    const backends = named([1, 1, 1]);
    const [away] = backends;
    for (const awayFor of [1, 2, 7, 100, 1000]) {
      const choose = chooser(create(seeded(19)));
      for (let pick = 0; pick < 4; pick++) choose(shuffled(backends, random));
      for (let pick = 0; pick < awayFor; pick++) choose(backends.slice(1));
      let row = 0;
      let longest = 0;
      let picks = 0;
      for (let pick = 0; pick < 12; pick++) {
        const chosen = choose(shuffled(backends, random)) === away;
        row = chosen ? row + 1 : 0;
        longest = Math.max(longest, row);
        picks += chosen ? 1 : 0;
      }
      assert(longest <= 2, `${longest} in a row after ${awayFor} picks away`);
      assert(picks >= 3 && picks <= 5, `${picks} of 12 after ${awayFor} picks away`);
    }
  });

  Deno.test(`policy ${name}: two of it share nothing`, () => {
    const backends = named([1, 1, 1]);
    const alone = chooser(create(seeded(23)));
    const expected = Array.from({ length: 30 }, () => alone(backends));
    const [one, other] = [chooser(create(seeded(23))), chooser(create(seeded(29)))];
    const got = Array.from({ length: 30 }, () => {
      other(backends);
      return one(backends);
    });
    assert(got.every((backend, index) => backend === expected[index]));
  });
}
