import { assertEquals } from "@std/assert";
import { bySize } from "../../../src/policy/by_size.ts";
import { createLeastLoad } from "../../../src/policy/least_load.ts";
import { keysOf, newBackend, type TestBackend } from "../../contract/backends.ts";

function fleet(): Record<"paged" | "static" | "other", TestBackend> {
  return {
    paged: newBackend("paged", { cacheType: "paged", maxInFlight: 8 }),
    static: newBackend("static", { cacheType: "static", maxInFlight: 1 }),
    other: newBackend("other"),
  };
}

Deno.test("large bodies go to static engines, others to paged ones, whatever their load", () => {
  const policy = bySize(createLeastLoad(), 1000);
  const { paged, static: fixed, other } = fleet();
  paged.load.inFlight = 5;
  const choose = (bytes: number): string =>
    policy.choose([paged, fixed, other], keysOf("m", bytes), 0).backend.name;
  assertEquals([choose(1000), choose(1001)], ["paged", "static"]);
});

Deno.test("a free engine of the other kind goes before a full one of the right kind", () => {
  const policy = bySize(createLeastLoad(), 1000);
  const { paged, static: fixed, other } = fleet();
  fixed.load.inFlight = 1;
  paged.load.inFlight = 1;
  assertEquals(policy.choose([paged, fixed], keysOf("m", 5000), 0).backend.name, "paged");
  assertEquals(policy.choose([fixed, other, paged], keysOf("m", 5000), 0).backend.name, "other");
});
