import type { Client, Shown } from "./client.ts";
import { aborts, doesNotAbort, pythonClient } from "./python_client.ts";
import { missing } from "./python_packages.ts";
import { ANTHROPIC, OPENAI, type Situation } from "./situations.ts";
import { testClient, type TestClientOptions } from "./test_client.ts";

const litellm = pythonClient("litellm_client.py");
const cancelled = pythonClient("litellm_async.py");

type Shows = TestClientOptions["shows"];

function test(provider: string, situations: readonly Situation[], shows: Shows): void {
  const by = (client: Client): Client => (ask) =>
    client({ ...ask, model: `${provider}/${ask.model}` });
  const options = { shows, ignore: missing !== undefined };
  const name = `PyPI litellm by ${provider}/`;
  testClient(name, by(litellm), situations.filter(doesNotAbort), options);
  testClient(`${name}, its task cancelled,`, by(cancelled), situations.filter(aborts), options);
}

function asksOnce({ ask }: Situation): boolean {
  return !ask?.retries;
}

// It makes errors of its own of what PyPI openai raised, and keeps the body of a 400 alone.
test(
  "openai",
  OPENAI,
  ({ status }: Shown) => status === 400 ? ["status", "code", "param"] : ["status"],
);

// By these it speaks HTTP itself, never asks again, and shows the body as text, with the code in it.
test("hosted_vllm", OPENAI.filter(asksOnce), () => ["status"]);
// What is overloaded it calls a 500.
test(
  "anthropic",
  ANTHROPIC.filter(asksOnce),
  ({ code }: Shown) => code === "no_healthy_backend" ? [] : ["status"],
);
