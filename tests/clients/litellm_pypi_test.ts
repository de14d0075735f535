import type { Client } from "./client.ts";
import { aborts, doesNotAbort, pythonClient } from "./python_client.ts";
import { missing } from "./python_packages.ts";
import { OPENAI } from "./situations.ts";
import { testClient } from "./test_client.ts";

const ignore = missing !== undefined;
const litellm = pythonClient("litellm_client.py");
const cancelled = pythonClient("litellm_async.py");

function by(provider: string, client: Client): Client {
  return (ask) => client({ ...ask, model: `${provider}/${ask.model}` });
}

// It makes errors of its own of what PyPI openai raised, and keeps the body of a 400 alone.
testClient("PyPI litellm by openai/", by("openai", litellm), OPENAI.filter(doesNotAbort), {
  shows: (wanted) => wanted.status === 400 ? ["status", "code", "param"] : ["status"],
  ignore,
});

// It speaks HTTP itself, never asks again, and shows the body as text, with the code in it.
testClient(
  "PyPI litellm by hosted_vllm/",
  by("hosted_vllm", litellm),
  OPENAI.filter(doesNotAbort).filter(({ ask }) => !ask?.retries),
  { shows: () => ["status"], ignore },
);

for (const provider of ["openai", "hosted_vllm"]) {
  testClient(
    `PyPI litellm by ${provider}/, its task cancelled,`,
    by(provider, cancelled),
    OPENAI.filter(aborts),
    { ignore },
  );
}
