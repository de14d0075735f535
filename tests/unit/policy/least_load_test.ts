import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { createLeastLoad } from "../../../src/policy/least_load.ts";
import { keysOf, newBackend } from "../../contract/backends.ts";
import { runPolicyContract } from "../../contract/policy.ts";

const KEYS = keysOf("m");

runPolicyContract({ name: "least_load", create: createLeastLoad });

Deno.test("least_load chooses a backend with the fewest calls per weight, whatever the order", () => {
  const loaded = fc.record({ inFlight: fc.nat(30), weight: fc.integer({ min: 1, max: 10 }) });
  fc.assert(
    fc.property(fc.array(loaded, { minLength: 1, maxLength: 8 }), (specs) => {
      const backends = specs.map(({ inFlight, weight }, index) => {
        const backend = newBackend(`b${index}`, { weight });
        backend.load.inFlight = inFlight;
        return backend;
      });
      const { inFlight, weight } = createLeastLoad().choose(backends, KEYS, 0).backend;
      const least = Math.min(...specs.map((spec) => spec.inFlight / spec.weight));
      assertEquals(inFlight / weight, least);
    }),
    { seed: 31, numRuns: 500 },
  );
});

Deno.test("least_load in a descending pool never chooses a busier one", () => {
  const backends = [30, 20, 10, 5].map((inFlight, index) => {
    const backend = newBackend(`b${index}`);
    backend.load.inFlight = inFlight;
    return backend;
  });
  const policy = createLeastLoad();
  for (let pick = 0; pick < 20; pick++) {
    assertEquals(policy.choose(backends, KEYS, 0).backend.name, "b3");
  }
});
