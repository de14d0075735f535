import { assert, assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { runToEnd } from "../support/ended.ts";
import { backendsYaml, RouterProcess } from "../support/router.ts";

function hasCurl(): boolean {
  try {
    return new Deno.Command("curl", { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "the spec's curl commands work word for word but for the port",
  ignore: !hasCurl(),
  async fn(): Promise<void> {
    await using a = Sim.start({ models: ["Qwen3-32B"], timeToFirstTokenMs: 0, tokensPerSecond: 0 });
    await using b = Sim.start({
      models: ["9g_8b_thinking"],
      timeToFirstTokenMs: 0,
      tokensPerSecond: 0,
    });
    await using router = await RouterProcess.start(backendsYaml([a.url, b.url]));
    const script = Deno.readTextFileSync("tests/clients/spec_snippets/curl.sh")
      .replaceAll("localhost:8000", `127.0.0.1:${router.port}`)
      .replaceAll(/^curl /gm, "echo; curl -sS --max-time 20 ");
    const piped = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
    const curl = new Deno.Command("sh", { args: ["-ec", script], ...piped });
    const { out, err } = await runToEnd(curl, { what: "curl" });
    assertEquals(err, "");
    const answers = out.trim().split("\n").map((line) => JSON.parse(line));
    const [health, models, qwen, thinking] = answers;
    assertEquals([answers.length, health.status], [4, "healthy"]);
    assertEquals(models.data.map((model: { id: string }) => model.id), [
      "9g_8b_thinking",
      "Qwen3-32B",
    ]);
    assertEquals([qwen.model, thinking.model], ["Qwen3-32B", "9g_8b_thinking"]);
    assert([qwen, thinking].every((answer) => answer.choices[0].message.content.length > 0));
  },
});
