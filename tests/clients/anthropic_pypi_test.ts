import { aborts, doesNotAbort, pythonClient } from "./python_client.ts";
import { missing } from "./python_packages.ts";
import { ANTHROPIC } from "./situations.ts";
import { testClient } from "./test_client.ts";

const ignore = missing !== undefined;

testClient(
  "PyPI anthropic",
  pythonClient("anthropic_client.py"),
  ANTHROPIC.filter(doesNotAbort),
  { ignore },
);
testClient(
  "PyPI anthropic, its task cancelled,",
  pythonClient("anthropic_async.py"),
  ANTHROPIC.filter(aborts),
  { ignore },
);
