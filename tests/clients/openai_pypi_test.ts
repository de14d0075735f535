import { assertEquals } from "@std/assert";
import { aborts, doesNotAbort, pythonClient } from "./python_client.ts";
import { missing, runPython } from "./python_packages.ts";
import { OPENAI } from "./situations.ts";
import { testClient } from "./test_client.ts";
import { withRouter } from "./with_router.ts";

const ignore = missing !== undefined;

testClient(
  "PyPI openai",
  pythonClient("openai_client.py"),
  OPENAI.filter(doesNotAbort),
  { ignore },
);
testClient(
  "PyPI openai, its task cancelled,",
  pythonClient("openai_async.py"),
  OPENAI.filter(aborts),
  { ignore },
);

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
