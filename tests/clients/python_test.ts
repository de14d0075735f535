import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { type Ended, runToEnd } from "../support/ended.ts";
import { idle } from "../support/idle.ts";
import { backendsYaml, RouterProcess } from "../support/router.ts";

/** The clients, at exact versions. */
const PACKAGES = ["openai==3.54.0", "requests==2.34.2"];
const VENV = ".deno/python-clients";
/** For making the environment. */
const SLOW = { ms: 180_000 };
const SNIPPETS = "tests/clients/spec_snippets";

/** One that cannot be run, or does not end, is as one that failed. */
async function run(
  command: string,
  args: readonly string[],
  { ms = 45_000 } = {},
): Promise<Ended> {
  const piped = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const what = [command, ...args].join(" ").slice(0, 100);
  try {
    return await runToEnd(new Deno.Command(command, { args: [...args], ...piped }), { what, ms });
  } catch (error) {
    return { code: 127, out: "", err: String(error) };
  }
}

/** Makes the virtual environment once; returns why it cannot be had, if so. */
async function prepare(): Promise<string | undefined> {
  const marker = `${VENV}/${PACKAGES.join("+")}`;
  try {
    Deno.statSync(marker);
    return undefined;
  } catch {
    // not made yet, or for other versions
  }
  const made = await run("python3", ["-m", "venv", "--clear", VENV], SLOW);
  if (made.code !== 0) return `no python3 with venv: ${lastLine(made.err + made.out)}`;
  const pip = [
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--timeout",
    "15",
    "--retries",
    "1",
  ];
  const installed = await run(`${VENV}/bin/pip`, [...pip, ...PACKAGES], SLOW);
  if (installed.code !== 0) {
    return `PyPI gave no ${PACKAGES.join(", ")}: ${lastLine(installed.err)}`;
  }
  Deno.writeTextFileSync(marker, "");
  return undefined;
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

const missing = await prepare();
if (missing !== undefined) console.log(`Python clients are skipped: ${missing}`);

function pythonTest(name: string, test: (router: RouterProcess, sim: Sim) => Promise<void>): void {
  Deno.test({
    name,
    ignore: missing !== undefined,
    async fn(): Promise<void> {
      await using sim = Sim.start({ models: ["Qwen3-32B"], timeToFirstTokenMs: 0 });
      await using other = Sim.start({ models: ["9g_8b_thinking"] });
      await using router = await RouterProcess.start(backendsYaml([sim.url, other.url]));
      await test(router, sim);
    },
  });
}

/** Runs a program with the router's address in place of the spec's. */
function python(source: string, router: RouterProcess): Promise<Ended> {
  return run(`${VENV}/bin/python`, [
    "-c",
    source.replaceAll("{HOST}:8000", `127.0.0.1:${router.port}`),
  ]);
}

function snippet(name: string): string {
  return Deno.readTextFileSync(`${SNIPPETS}/${name}`);
}

pythonTest("the spec's requests snippet prints the answer", async (router) => {
  const { code, out, err } = await python(snippet("requests_chat.py"), router);
  assertEquals([code, err], [0, ""]);
  assertMatch(out, /\p{Script=Han}/u);
});

pythonTest("the spec's stream snippet prints the tokens to the end", async (router, sim) => {
  const { code, out, err } = await python(snippet("requests_stream.py"), router);
  assertEquals([code, err], [0, ""]);
  assert(out.length > 50, out);
  assertEquals(sim.calls.length, 1);
});

pythonTest(
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

pythonTest(
  "promise 46: PyPI openai raises its right class, with our code and request id",
  async (router) => {
    const { code, out, err } = await python(
      `
from openai import OpenAI, BadRequestError, InternalServerError
client = OpenAI(base_url="http://{HOST}:8000/v1", api_key="x", max_retries=0)
messages = [{"role": "user", "content": "hi"}]
for model, more, kind in [("Qwen3-32B", {"temperature": 5}, BadRequestError), ("nobody", {}, InternalServerError)]:
    try:
        client.chat.completions.create(model=model, messages=messages, **more)
    except kind as error:
        print(error.status_code, error.code, error.param, len(error.request_id) > 10)
for chunk in client.chat.completions.create(model="Qwen3-32B", messages=messages, stream=True, max_tokens=2):
    print(chunk.choices[0].finish_reason)
print([model.id for model in client.models.list()])
`,
      router,
    );
    assertEquals([code, err], [0, ""]);
    assertEquals(out.trim().split("\n"), [
      "400 invalid_parameter temperature True",
      "503 model_not_found model True",
      "None",
      "None",
      "None",
      "length",
      "['9g_8b_thinking', 'Qwen3-32B']",
    ]);
  },
);

pythonTest(
  "promise 6: PyPI openai that gives up before the first token frees the engine",
  async (router, sim) => {
    sim.setFault("stall_before_head");
    const { out } = await python(
      `
from openai import OpenAI, APITimeoutError
client = OpenAI(base_url="http://{HOST}:8000/v1", api_key="x", max_retries=0, timeout=0.3)
try:
    client.chat.completions.create(model="Qwen3-32B", messages=[{"role": "user", "content": "hi"}])
except APITimeoutError:
    print("gave up")
`,
      router,
    );
    assertEquals(out.trim(), "gave up");
    await idle(sim);
    assertEquals(sim.calls.map((call) => call.ended), ["client_left"]);
  },
);

pythonTest(
  "promise 3: PyPI openai raises our message when a stream breaks",
  async (router, sim) => {
    sim.setFault("die_mid_stream", { after: 1 });
    const { out } = await python(
      `
from openai import OpenAI, APIError
client = OpenAI(base_url="http://{HOST}:8000/v1", api_key="x", max_retries=0)
try:
    for chunk in client.chat.completions.create(model="Qwen3-32B", messages=[{"role": "user", "content": "hi"}], stream=True):
        pass
    print("a whole answer")
except APIError as error:
    print(error.message)
`,
      router,
    );
    assertStringIncludes(out, "backend a broke the connection before its answer was complete");
  },
);
