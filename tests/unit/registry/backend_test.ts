import { assertEquals } from "@std/assert";
import { cards, newBackend, newSpec } from "../../contract/backends.ts";

Deno.test("Backend takes the models it discovers, once each, and remembers when it first saw them", () => {
  let now = 10_999;
  const backend = newBackend("a", { models: undefined }, () => now);
  assertEquals(backend.models, undefined);
  backend.discovered(cards("m", "n", "m"));
  assertEquals(backend.models, ["m", "n"]);
  now = 20_000;
  backend.discovered(cards("n", "o"));
  assertEquals(backend.models, ["n", "o"]);
  assertEquals([...backend.firstSeen], [["m", 10], ["n", 10], ["o", 20]]);
});

Deno.test("Backend with a list in the configuration keeps to it", () => {
  const backend = newBackend("a", { models: ["m"] });
  backend.discovered(cards("n"));
  assertEquals(backend.models, ["m"]);
});

Deno.test("Backend that lists no models has not said yet what it serves", () => {
  const backend = newBackend("a", { models: undefined });
  backend.discovered(cards("m"));
  backend.discovered(cards());
  assertEquals([backend.models, backend.serves("m")], [undefined, false]);
});

Deno.test("Backend is full at its limit, and without one never", () => {
  const backend = newBackend("a", { maxInFlight: 2 });
  const fullAt = [0, 1, 2, 3].map((inFlight) => {
    backend.load.inFlight = inFlight;
    return backend.full;
  });
  assertEquals(fullAt, [false, false, true, true]);
  const unlimited = newBackend("c");
  unlimited.load.inFlight = 1e9;
  assertEquals(unlimited.full, false);
});

Deno.test("Backend is wanted while a source names it and the operator gives it weight and does not drain it", () => {
  const backend = newBackend("a");
  let told = 0;
  backend.onChange = () => told++;
  assertEquals(backend.wanted, true);
  backend.tell({ drain: true });
  assertEquals(backend.wanted, false);
  backend.tell({ drain: false, weight: 0 });
  assertEquals(backend.wanted, false);
  backend.tell({ weight: 2 });
  assertEquals([backend.wanted, backend.weight, backend.healthy], [true, 2, true]);
  backend.leave();
  assertEquals([backend.wanted, backend.present, backend.healthy], [false, false, true]);
  assertEquals(told, 4);
});

Deno.test("Backend that is configured anew keeps what was counted and learned", () => {
  const backend = newBackend("a", { models: undefined, maxInFlight: 1 });
  backend.discovered(cards("m"));
  backend.stats.begin();
  backend.load.begin();
  backend.configure(newSpec("a", { models: undefined, maxInFlight: 2, weight: 7 }));
  assertEquals(
    [backend.models, backend.stats.requests, backend.inFlight, backend.full, backend.weight],
    [["m"], 1, 1, false, 7],
  );
  backend.configure(newSpec("a", { models: ["n"] }));
  assertEquals(backend.models, ["n"]);
  backend.configure(newSpec("a", { models: undefined }));
  assertEquals(backend.models, undefined, "what it serves itself was not asked yet");
});

Deno.test("a backend that renames its models at every check is remembered within bounds", () => {
  const backend = newBackend("b", { models: undefined });
  for (let check = 0; check < 30; check++) {
    backend.discovered(cards(...Array.from({ length: 1000 }, (_, i) => `m${check}-${i}`)));
  }
  assertEquals(backend.firstSeen.size <= 22_000, true, `${backend.firstSeen.size}`);
  assertEquals(backend.serves("m29-5"), true);
  assertEquals(backend.serves("m28-5"), false);
});
