import { assertEquals, assertStringIncludes } from "@std/assert";
import type { FaultName, Sim } from "../../src/sim/sim.ts";
import { idle } from "../support/idle.ts";
import { startInfinilm } from "../support/infinilm.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const SHORT = { max_tokens: 4 };
const CHAT = "/v1/chat/completions";
/** Nothing of them has to be asked for. */
const KNOWN = "models: [m], engine: infinilm";
/** A busy machine may miss some. */
const HEALTH = "health: { interval: 250ms, timeout: 250ms, unhealthy_after: 4, slow_start: 0s }\n";

/** Two engines, the first with this fault from the start, and a router that checks them often. */
async function withEngines(
  fault: FaultName,
  test: (router: RouterProcess, engines: { a: Sim; b: Sim }) => Promise<void>,
  config = "",
): Promise<void> {
  await using a = startInfinilm({ tokensPerSecond: 100 });
  await using b = startInfinilm();
  await using router = await RouterProcess.start(
    backendsYaml([a.url, b.url], [KNOWN, KNOWN]) + HEALTH + config,
  );
  a.setFault(fault);
  await test(router, { a, b });
}

/** A stream's text up to its end, or up to its cut. */
async function read(answer: Response): Promise<{ text: string; cut: boolean }> {
  let text = "";
  try {
    for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) text += piece;
    return { text, cut: false };
  } catch {
    return { text, cut: true };
  }
}

/** How an engine ends under a call of which it has said nothing. */
const DEATHS = [
  { fault: "dead_engine", cause: "/health answered 503" },
  { fault: "out_of_memory", cause: "" },
] as const;

for (const { fault, cause } of DEATHS) {
  for (const stream of [false, true]) {
    const what = `${fault}, ${stream ? "streamed" : "whole"}`;

    Deno.test(`a call that waits on an engine as it dies is served by another (${what})`, () =>
      withEngines("hung_step", async (router, { a, b }) => {
        const call = router.post(CHAT, chat("m", "hi", { ...SHORT, stream }));
        await until("the first engine has it", () => a.calls.length === 1, {
          seen: () => [b.calls.length, router.log],
        });
        a.setFault(fault);
        const answer = await call;
        assertEquals([answer.status, answer.headers.get("x-infinilm-service")], [200, "b"]);
        assertStringIncludes(await answer.text(), '"length"');
        await router.logged((line) =>
          line.message === "backend is unhealthy" && line["backend"] === "a" &&
          String(line["cause"]).includes(cause)
        );
        for (let i = 0; i < 4; i++) await (await router.post(CHAT, chat("m", "hi", SHORT))).text();
        assertEquals([a.calls.length, b.calls.length], [1, 5]);
      }));

    Deno.test(`prompts of a list that wait on an engine as it dies are served by another (${what})`, () =>
      withEngines("hung_step", async (router, { a, b }) => {
        const prompt = ["a", "b", "c", "d"];
        const call = router.post("/v1/completions", { model: "m", prompt, ...SHORT, stream });
        await until("all have been sent", () => a.calls.length + b.calls.length === 4);
        const share = a.calls.length;
        a.setFault(fault);
        const answer = await call;
        assertEquals(answer.status, 200);
        const text = await answer.text();
        assertEquals(text.split('"finish_reason":"length"').length - 1, 4);
        assertEquals([share > 0, a.calls.length, b.calls.length], [true, share, 4]);
        assertEquals((await router.stats("b"))["in_flight"], 0);
      }));
  }

  Deno.test(`an engine that has died and is started anew gets calls again (${fault})`, () =>
    withEngines(fault, async (router, { a }) => {
      await router.logged(({ message }) => message === "backend is unhealthy");
      a.setFault("none");
      await until("both are well", async () => {
        const { healthy_services } = await (await router.fetch("/health")).json();
        return healthy_services === "2/2";
      });
      for (let i = 0; i < 2; i++) await (await router.post(CHAT, chat("m", "hi", SHORT))).text();
      assertEquals(a.calls.length, 1);
    }));
}

/** How a stream ends whose engine goes wrong after the first tokens. */
const ENDS = [
  { fault: "dead_engine", code: "upstream_idle_timeout", idleTimeout: "300ms" },
  { fault: "hung_step", code: "upstream_idle_timeout", idleTimeout: "300ms" },
  { fault: "out_of_memory", code: "upstream_broken", idleTimeout: "30s" },
] as const;

for (const { fault, code, idleTimeout } of ENDS) {
  Deno.test(`a stream that has begun is told its end, and goes nowhere else (${fault})`, () =>
    withEngines("none", async (router, { a, b }) => {
      const answer = await router.post(CHAT, chat("m", "hi", { stream: true }));
      assertEquals(answer.headers.get("x-infinilm-service"), "a");
      a.setFault(fault);
      const { text, cut } = await read(answer);
      assertStringIncludes(text, `"code":"${code}"`);
      assertEquals([text.includes("[DONE]"), cut, b.calls.length], [false, true, 0]);
      await idle(a);
    }, `timeouts: { idle: ${idleTimeout} }\n`));
}

Deno.test("a list of prompts of which one is left unended by a hung step ends by timeouts.idle", () =>
  withEngines("none", async (router, { a, b }) => {
    const body = { model: "m", prompt: ["a", "b"], stream: true };
    const answer = await router.post("/v1/completions", body);
    await until("both are with engines", () => a.steps > 0 && b.calls.length === 1);
    a.setFault("hung_step");
    const { text, cut } = await read(answer);
    assertStringIncludes(text, '"code":"upstream_idle_timeout"');
    assertEquals([text.includes("[DONE]"), cut], [false, true]);
    await idle(a);
    assertEquals(a.calls.map(({ ended }) => ended), ["client_left"]);
    const errors = [await router.stats("a"), await router.stats("b")].map((stats) =>
      stats["error_count"]
    );
    assertEquals(errors, [1, 0]);
  }, "timeouts: { idle: 300ms }\n"));

Deno.test("a hung step holds up its own calls only, and these end by timeouts.request", () =>
  withEngines("hung_step", async (router, { a, b }) => {
    const hung = router.post(CHAT, chat("m", "hi", SHORT));
    await until("the first engine has it", () => a.calls.length === 1, {
      seen: () => [b.calls.length, router.log],
    });
    for (let i = 0; i < 10; i++) {
      const answer = await router.post(CHAT, chat("m", "hi", SHORT));
      assertEquals([answer.status, answer.headers.get("x-infinilm-service")], [200, "b"]);
      await answer.text();
    }
    const answer = await hung;
    assertEquals([answer.status, (await answer.json()).code], [504, "upstream_timeout"]);
    assertEquals([a.calls.length, b.calls.length], [1, 10]);
    assertEquals((await router.stats("a"))["error_count"], 1);
    a.setFault("none");
    await idle(a);
  }, "timeouts: { request: 2s }\n"));

Deno.test("a call that ends every engine it is given to is given to two at most", async () => {
  const engines = [startInfinilm(), startInfinilm(), startInfinilm()];
  await using stack = new AsyncDisposableStack();
  for (const engine of engines) stack.use(engine);
  // As an engine that is not known to be one of these, nothing is kept from it.
  const known = engines.map(() => "models: [m], engine: openai");
  const config = backendsYaml(engines.map(({ url }) => url), known) + HEALTH +
    "requests: { validate: false }\ntimeouts: { request: 2s }\n";
  await using router = await RouterProcess.start(config);
  const answer = await router.post(CHAT, chat("m", "hi", { stop: 5, stream: true }));
  assertEquals([answer.status, answer.headers.get("x-should-retry")], [502, "false"]);
  await answer.body?.cancel();
  assertEquals(engines.map(({ calls }) => calls.length), [1, 1, 0]);
  const next = await router.post(CHAT, chat("m", "hi", SHORT));
  assertEquals([next.status, next.headers.get("x-infinilm-service")], [200, "c"]);
  await next.body?.cancel();
});
