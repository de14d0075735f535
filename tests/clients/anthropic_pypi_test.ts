import { pythonClient } from "./python_client.ts";
import { missing } from "./python_packages.ts";
import { ANTHROPIC } from "./situations.ts";
import { testClient } from "./test_client.ts";

testClient("PyPI anthropic", pythonClient("anthropic_client.py"), ANTHROPIC, {
  ignore: missing !== undefined,
});
