import { assertEquals } from "@std/assert";
import { newBackend } from "../../contract/backends.ts";

Deno.test("Backend takes the models it discovers, once each, and remembers when it first saw them", () => {
  let now = 10_999;
  const backend = newBackend("a", { models: undefined }, () => now);
  assertEquals(backend.models, undefined);
  backend.discovered(["m", "n", "m"]);
  assertEquals(backend.models, ["m", "n"]);
  now = 20_000;
  backend.discovered(["n", "o"]);
  assertEquals(backend.models, ["n", "o"]);
  assertEquals([...backend.firstSeen], [["m", 10], ["n", 10], ["o", 20]]);
});

Deno.test("Backend with a list in the configuration keeps to it", () => {
  const backend = newBackend("a", { models: ["m"] });
  backend.discovered(["n"]);
  assertEquals(backend.models, ["m"]);
});

Deno.test("Backend is available if it is healthy, not full, and has weight", () => {
  const backend = newBackend("a", { maxInFlight: 2 });
  assertEquals([backend.healthy, backend.full, backend.available], [true, false, true]);
  backend.inFlight = 2;
  assertEquals([backend.healthy, backend.full, backend.available], [true, true, false]);
  backend.inFlight = 1;
  backend.gate.healthy = false;
  assertEquals([backend.healthy, backend.full, backend.available], [false, false, false]);
  assertEquals(newBackend("b", { weight: 0 }).available, false);
  const unlimited = newBackend("c");
  unlimited.inFlight = 1e9;
  assertEquals(unlimited.available, true);
});

Deno.test("a backend that renames its models at every check is remembered within bounds", () => {
  const backend = newBackend("b", { models: undefined });
  for (let check = 0; check < 30; check++) {
    backend.discovered(Array.from({ length: 1000 }, (_, i) => `m${check}-${i}`));
  }
  assertEquals(backend.firstSeen.size <= 22_000, true, `${backend.firstSeen.size}`);
  assertEquals(backend.serves("m29-5"), true);
  assertEquals(backend.serves("m28-5"), false);
});
