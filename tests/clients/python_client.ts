import { within } from "../support/within.ts";
import { type Client, QUESTION, type Told, WEATHER } from "./client.ts";
import { missing, PYTHON } from "./python_packages.ts";
import type { Situation } from "./situations.ts";

/** A client that is a program in `python/`. */
export function pythonClient(program: string): Client {
  const say = pythonProgram<Told>(program);
  return (ask) => say({ ...ask, question: QUESTION, tool: WEATHER });
}

/**
 * A program in `python/`, started before the first test of a file and ended after the last: some libraries take
 * seconds to load. Returns what asks it.
 */
export function pythonProgram<Answer>(program: string): (asked: object) => Promise<Answer> {
  let worker: Worker | undefined;
  Deno.test.beforeAll(() => {
    if (missing === undefined) worker = new Worker(program);
  });
  Deno.test.afterAll(() => worker?.end());
  return async (asked) => await worker!.say(asked) as Answer;
}

/** A program that waits in a call cannot abort it; `…_async.py` do that, and nothing else. */
export function aborts({ ask }: Situation): boolean {
  return ask?.leave?.by === "abort";
}

export function doesNotAbort(situation: Situation): boolean {
  return !aborts(situation);
}

class Worker {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #errors: Promise<string>;
  #rest = "";

  constructor(program: string) {
    this.#child = new Deno.Command(PYTHON, {
      args: ["-B", `tests/clients/python/${program}`],
      // litellm else looks for its list of prices on the internet.
      env: { LITELLM_LOCAL_MODEL_COST_MAP: "True" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#errors = new Response(this.#child.stderr).text();
  }

  async say(asked: unknown): Promise<unknown> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(asked)}\n`));
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#output.read();
      if (done) throw new Error(`the program ended: ${await this.#errors}`);
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return JSON.parse(line);
  }

  /** The end of its input is its end; one that hangs in a call is killed. */
  async end(): Promise<void> {
    await this.#input.close().catch(() => {});
    await within(this.#child.status, "the program's end").catch(() => this.#child.kill());
    await this.#output.cancel();
    await this.#errors;
  }
}
