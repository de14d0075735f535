import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";

const DEFECTS = { NODE_OPTIONS: `--require ${Deno.cwd()}/tests/support/defects.cjs` };
const ignore = Deno.env.has("ROUTER_BIN");

Deno.test({
  name: "an error that nobody catches is logged with its stack, and running answers end well",
  ignore,
  async fn(): Promise<void> {
    await using sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 20 });
    await using router = await RouterProcess.start(backendsYaml([sim.url]), { env: DEFECTS });
    const answer = await router.post(
      "/v1/chat/completions",
      chat("sim", "hi", { stream: true, max_tokens: 12 }),
    );
    for (
      const [signal, event, name, message] of [
        ["SIGUSR1", "unhandledrejection", "Error", "a promise that nobody waits for"],
        ["SIGUSR2", "error", "TypeError", "a timer that throws"],
      ] as const
    ) {
      router.signal(signal);
      const line = await router.logged((line) =>
        line.message === "internal error" && line["event"] === event
      );
      const error = line["error"] as Record<string, string>;
      assertEquals([line["level"], error["name"], error["message"]], ["ERROR", name, message]);
      assertMatch(error["stack"]!, /\n +at .*defects\.cjs/);
    }
    assertStringIncludes(await answer.text(), "data: [DONE]");
    const again = await router.post("/v1/chat/completions", chat("sim"));
    assertEquals([again.status, (await again.json()).object], [200, "chat.completion"]);
    router.signal("SIGTERM");
    assertEquals((await router.status).code, 0);
    assertEquals(router.noise, "", "nothing but log lines");
  },
});
