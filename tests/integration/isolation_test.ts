import { assert, assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const CALLS = 10_000;
const CLIENTS = 64;

Deno.test("promise 8: among ten thousand calls on kept connections, every client gets its own answer", async () => {
  const options = { timeToFirstTokenMs: 0, tokensPerSecond: 0, maxTokens: 4 };
  await using a = Sim.start(options);
  await using b = Sim.start({ ...options, seed: 2 });
  await using router = await RouterProcess.start(backendsYaml([a.url, b.url]));
  let next = 0;
  const wrong: string[] = [];
  const client = async (): Promise<void> => {
    while (next < CALLS) {
      const nonce = `nonce-${next++}-end`;
      const stream = next % 2 === 0;
      const answer = await router.post(
        "/v1/chat/completions",
        chat("sim", `echo:${nonce}`, { stream }),
      );
      const text = await answer.text();
      const said = stream
        ? [...text.matchAll(/"delta":\{"content":("(?:[^"\\]|\\.)*")/g)].map((match) =>
          JSON.parse(match[1]!)
        ).join("")
        : JSON.parse(text).choices[0].message.content;
      if (answer.status !== 200 || !said.startsWith(nonce)) {
        wrong.push(`${nonce}: ${answer.status} ${said}`);
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  assertEquals(wrong, []);
  await until("nothing is in flight", async () => {
    const stats = [await router.stats("a"), await router.stats("b")];
    return stats.every((each) => each["in_flight"] === 0);
  });
  const stats = [await router.stats("a"), await router.stats("b")];
  assertEquals(stats.reduce((sum, each) => sum + (each["request_count"] as number), 0), CALLS);
  assert(stats.every((each) => each["error_count"] === 0));
});

Deno.test("requests are routed by model alone, on every endpoint and in both spellings", async () => {
  await using a = Sim.start({ models: ["model-a"] });
  await using b = Sim.start({ models: ["model-b"] });
  await using router = await RouterProcess.start(backendsYaml([a.url, b.url]));
  const v1 = [
    "/embeddings",
    "/responses",
    "/messages",
    "/messages/count_tokens",
    "/images/generations",
    "/audio/speech",
  ];
  const bare = ["/rerank", "/score", "/classify", "/tokenize", "/detokenize"];
  for (const path of [...v1, ...bare]) {
    for (const prefix of ["", "/v1"]) {
      for (const model of ["model-a", "model-b"]) {
        const answer = await router.post(prefix + path, { model, input: "x" });
        assertEquals([path, answer.status], [path, 200]);
        assertEquals(answer.headers.get("x-infinilm-service"), model.slice(-1));
        await answer.body?.cancel();
        const sim = model === "model-a" ? a : b;
        assertEquals(sim.calls.at(-1)!.path, bare.includes(path) ? path : `/v1${path}`);
      }
    }
  }
});

Deno.test("a call without a model is served where only one model is, and is 400 where there are more", async () => {
  await using a = Sim.start({ models: ["only"] });
  await using same = Sim.start({ models: ["only"] });
  await using other = Sim.start({ models: ["other"] });
  const body = { messages: [{ role: "user", content: "hi" }] };
  await using single = await RouterProcess.start(backendsYaml([a.url, same.url]));
  const served = await single.post("/chat/completions", body);
  assertEquals([served.status, (await served.json()).model], [200, "only"]);
  await using several = await RouterProcess.start(backendsYaml([a.url, other.url]));
  const refused = await several.post("/chat/completions", body);
  const { code, param } = await refused.json();
  assertEquals([refused.status, code, param], [400, "model_required", "model"]);
  await using unknown = await RouterProcess.start(backendsYaml(["http://127.0.0.1:9"]), {
    healthy: false,
  });
  const early = await unknown.post("/chat/completions", body);
  assertEquals([early.status, (await early.json()).code], [503, "no_healthy_backend"]);
  // One that never said what it serves does not stand in the way of those that have.
  await using partly = await RouterProcess.start(backendsYaml([a.url, "http://127.0.0.1:9"]), {
    healthy: false,
  });
  await partly.logged((line) => line.message === "backend is healthy");
  const late = await partly.post("/chat/completions", body);
  assertEquals([late.status, (await late.json()).model], [200, "only"]);
});
