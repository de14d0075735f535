import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Sim } from "../../src/sim/sim.ts";
import type { Ended } from "../support/ended.ts";
import type { RouterProcess } from "../support/router.ts";
import { missing, runPython } from "./python_packages.ts";
import { withRouter } from "./with_router.ts";

function snippetTest(name: string, test: (router: RouterProcess, sim: Sim) => Promise<void>): void {
  Deno.test({ name, ignore: missing !== undefined, fn: () => withRouter(test) });
}

function snippet(name: string): string {
  return Deno.readTextFileSync(`tests/clients/spec_snippets/${name}`);
}

/** Runs a snippet with the router's address in place of the spec's. */
function python(source: string, router: RouterProcess): Promise<Ended> {
  return runPython("-c", source.replaceAll("{HOST}:8000", `127.0.0.1:${router.port}`));
}

snippetTest("the spec's requests snippet prints the answer", async (router) => {
  const { code, out, err } = await python(snippet("requests_chat.py"), router);
  assertEquals([code, err], [0, ""]);
  assertMatch(out, /\p{Script=Han}/u);
});

snippetTest("the spec's stream snippet prints the tokens to the end", async (router, sim) => {
  const { code, out, err } = await python(snippet("requests_stream.py"), router);
  assertEquals([code, err], [0, ""]);
  assert(out.length > 50, out);
  assertEquals(sim.calls.length, 1);
});

snippetTest(
  "the spec's openai snippet is refused by the SDK itself as printed, and works with extra_body",
  async (router, sim) => {
    const printed = await python(snippet("openai_chat.py"), router);
    assertEquals([printed.code, sim.calls.length], [1, 0]);
    assertStringIncludes(printed.err, "unexpected keyword argument 'top_k'");
    const mended = snippet("openai_chat.py")
      .replace(/^ {4}(top_k|repetition_penalty)=.*\n/gm, "")
      .replace(
        '{"chat_template_kwargs": {}}',
        '{"top_k": 50, "repetition_penalty": 1.0, "chat_template_kwargs": {}}',
      );
    const { code, out, err } = await python(mended, router);
    assertEquals([code, err], [0, ""]);
    assertMatch(out, /\p{Script=Han}/u);
    const sent = JSON.parse(sim.calls[0]!.body);
    assertEquals([sent.top_k, sent.repetition_penalty, sent.chat_template_kwargs], [50, 1.0, {}]);
  },
);
