import { assertEquals } from "@std/assert";
import type { Sim } from "../../src/sim/sim.ts";
import { startInfinilm } from "../support/infinilm.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const CHAT = "/v1/chat/completions";
const SMALL = chat("m", "hi", { max_tokens: 2 });
/** Its body is above the threshold that is set here. */
const LARGE = chat("m", "x".repeat(2000), { max_tokens: 2 });
const THRESHOLD = "routing: { size_threshold: 1KiB }\n";

/** Which backend answers. */
async function answerer(router: RouterProcess, body: unknown): Promise<string | null> {
  const answer = await router.post(CHAT, body);
  await answer.body?.cancel();
  return answer.headers.get("x-infinilm-service");
}

/** Gives an engine a call that stays there; returns what lets it go on, with its backend's name. */
async function occupy(
  router: RouterProcess,
  { engine, body }: { engine: Sim; body: unknown },
): Promise<() => Promise<string | null>> {
  engine.setFault("hung_step");
  const before = engine.calls.length;
  const answer = answerer(router, body);
  await until("the engine has the call", () => engine.calls.length > before);
  return () => {
    engine.setFault("none");
    return answer;
  };
}

Deno.test("an engine of cache_type static gets one call at a time, a second goes to another", async () => {
  await using a = startInfinilm({ kv: "static" });
  await using b = startInfinilm({ kv: "static" });
  const kind = "cache_type: static";
  await using router = await RouterProcess.start(
    backendsYaml([a.url, b.url], [kind, kind]) + "queue: { size: 0 }\n",
  );
  const { services } = await (await router.fetch("/services")).json();
  assertEquals(
    services.map((service: Record<string, unknown>) => service["max_in_flight"]),
    [1, 1],
  );
  const releaseA = await occupy(router, { engine: a, body: SMALL });
  for (let i = 0; i < 5; i++) assertEquals(await answerer(router, SMALL), "b");
  const releaseB = await occupy(router, { engine: b, body: SMALL });
  const full = await router.post(CHAT, SMALL);
  assertEquals([full.status, (await full.json()).code], [429, "overloaded"]);
  assertEquals([a.calls.length, b.calls.length], [1, 6]);
  assertEquals([await releaseA(), await releaseB()], ["a", "b"]);
  const after = [await answerer(router, SMALL), await answerer(router, SMALL)];
  assertEquals(after.sort(), ["a", "b"]);
});

Deno.test("max_in_flight stands against the one call of cache_type static", async () => {
  await using a = startInfinilm({ kv: "static" });
  const config = backendsYaml([a.url], ["cache_type: static, max_in_flight: 2"]);
  await using router = await RouterProcess.start(config);
  const release = await occupy(router, { engine: a, body: SMALL });
  const second = answerer(router, SMALL);
  await until("the engine has both", () => a.calls.length === 2);
  assertEquals([await release(), await second], ["a", "a"]);
});

/** Backends a, b, … and their calls in flight, who is asked, and who answers. */
const PREFERENCES = [
  { holds: "large bodies go to static, others to paged", kinds: ["static", "paged"], busy: "" },
  { holds: "the order of backends does not matter", kinds: ["paged", "static"], busy: "" },
  { holds: "a free static goes before a full paged", kinds: ["static", "paged"], busy: "paged" },
  { holds: "a free paged goes before a full static", kinds: ["paged", "static"], busy: "static" },
] as const;

for (const { holds, kinds, busy } of PREFERENCES) {
  Deno.test(`routing.size_threshold: ${holds}`, async () => {
    await using a = startInfinilm({ kv: kinds[0] });
    await using b = startInfinilm({ kv: kinds[1] });
    const extra = kinds.map((kind) => `cache_type: ${kind}, max_in_flight: 1`);
    const config = backendsYaml([a.url, b.url], extra) + THRESHOLD;
    await using router = await RouterProcess.start(config);
    const nameOf = (kind: string): string => kinds[0] === kind ? "a" : "b";
    const engine = nameOf(busy) === "a" ? a : b;
    const body = busy === "static" ? LARGE : SMALL;
    const release = busy === "" ? undefined : await occupy(router, { engine, body });
    const free = busy === "static" ? "paged" : "static";
    for (let i = 0; i < 3; i++) {
      assertEquals(await answerer(router, LARGE), nameOf(busy === "" ? "static" : free));
      assertEquals(await answerer(router, SMALL), nameOf(busy === "" ? "paged" : free));
    }
    if (release !== undefined) assertEquals(await release(), nameOf(busy));
  });
}

Deno.test("routing.size_threshold counts bytes, and one more is more", async () => {
  await using a = startInfinilm({ kv: "static" });
  await using b = startInfinilm({ kv: "paged" });
  const kinds = ["cache_type: static", "cache_type: paged"];
  const body = JSON.stringify(chat("m", "山山", { max_tokens: 2 }));
  const bytes = new TextEncoder().encode(body).length;
  const config = `${backendsYaml([a.url, b.url], kinds)}routing: { size_threshold: ${bytes}B }\n`;
  await using router = await RouterProcess.start(config);
  assertEquals(await answerer(router, body), "b");
  assertEquals(await answerer(router, `${body} `), "a");
});
