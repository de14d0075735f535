import { assertEquals } from "@std/assert";
import { idle } from "../support/idle.ts";
import { pythonClient } from "./python_client.ts";
import { missing, runPython } from "./python_packages.ts";
import { OPENAI } from "./situations.ts";
import { testClient } from "./test_client.ts";
import { withRouter } from "./with_router.ts";

const ignore = missing !== undefined;

testClient("PyPI openai", pythonClient("openai_client.py"), OPENAI, { ignore });

Deno.test({
  name: "promise 46: PyPI openai raises its right class, with our code and request id",
  ignore,
  fn: () =>
    withRouter(async ({ url }) => {
      const { code, out, err } = await runPython("tests/clients/python/openai_classes.py", url);
      assertEquals([code, err], [0, ""]);
      assertEquals(out.trim().split("\n"), [
        "400 invalid_parameter temperature True",
        "503 model_not_found model True",
        "['9g_8b_thinking', 'Qwen3-32B']",
      ]);
    }),
});

Deno.test({
  name: "promise 6: PyPI openai that gives up before the first token frees the engine",
  ignore,
  fn: () =>
    withRouter(async ({ url }, sim) => {
      sim.setFault("stall_before_head");
      const { out } = await runPython("tests/clients/python/openai_gives_up.py", url);
      assertEquals(out.trim(), "gave up");
      await idle(sim);
      assertEquals(sim.calls.map((call) => call.ended), ["client_left"]);
    }),
});
