/** Starts the real router as a process of its own, from source or, with ROUTER_BIN, the executable. */
import { within } from "./within.ts";

/** One line of the router's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly message: string };

export interface RouterOptions {
  /** Environment variables for it. */
  env?: Record<string, string>;
  /** Whether to wait until every backend is healthy; else only until it listens. Default: true. */
  healthy?: boolean;
  /** How many file descriptors it may have. */
  descriptors?: number;
  /** What `serve` is called with in place of a configuration file and a port; port 0 has to be among it. */
  args?: readonly string[];
}

/** The router says, answers and ends what it is asked to within this time, on a busy machine too. */
const LIMIT_MS = 30_000;

export interface CommandOptions {
  env?: Record<string, string>;
  /** How many file descriptors it may have. */
  descriptors?: number;
  /** The folder it runs in. */
  cwd?: string;
  stdin?: "null" | "piped";
}

/** The command that runs the router's command line. */
export function routerCommand(
  args: readonly string[],
  { env = {}, cwd = ".", descriptors, stdin = "null" }: CommandOptions = {},
): Deno.Command {
  const binary = Deno.env.get("ROUTER_BIN");
  const root = Deno.cwd();
  const map = (Deno.env.get("MAP") ?? "").split(" ").filter((flag) => flag !== "")
    .map((flag) => flag.replace("=packaging/", `=${root}/packaging/`));
  const flags = [
    "--allow-net",
    "--allow-read",
    "--allow-env",
    "--allow-write",
    "--allow-sys=osUptime",
    "--no-prompt",
    "--unstable-net",
    "--unstable-no-legacy-abort",
    "--v8-flags=--no-memory-reducer",
  ];
  if (Deno.env.has("PLAIN_SERVE")) flags.push(`--preload=${root}/tests/support/plain_serve.ts`);
  const source = ["run", "--no-check", ...map, ...flags, `${root}/main.ts`];
  const command = binary === undefined ? [Deno.execPath(), ...source, ...args] : [binary, ...args];
  if (descriptors !== undefined) {
    command.unshift("sh", "-c", `ulimit -n ${descriptors}; exec "$0" "$@"`);
  }
  return new Deno.Command(command[0]!, {
    args: command.slice(1),
    env: { NO_COLOR: "1", ...env },
    cwd,
    stdin,
    stdout: "piped",
    stderr: "piped",
  });
}

/** A running router on a free port of 127.0.0.1. Ended, and its end checked, by disposal. */
export class RouterProcess {
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  readonly #configFile: string | undefined;
  readonly #waiting = new Set<() => void>();
  /** Of every `fetch` so far: only its caller knows when the answer has been read. */
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly log: LogLine[] = [];
  /** Everything on standard error that is not a log line. */
  noise = "";
  port = 0;

  private constructor(child: Deno.ChildProcess, configFile?: string) {
    this.#child = child;
    this.#configFile = configFile;
    this.#reading = Promise.all([this.#readLog(), child.stdout.pipeTo(new WritableStream())]);
  }

  /** `config` is the YAML text; `listen` and `log` are set by this. */
  static async start(config: string, options: RouterOptions = {}): Promise<RouterProcess> {
    const file = await Deno.makeTempFile({ suffix: ".yaml" });
    await Deno.writeTextFile(file, config);
    const args = options.args ?? ["--config", file, "--port", "0"];
    const flags = ["--host", "127.0.0.1", "--log-format", "json", "--log-level", "debug"];
    const child = routerCommand(["serve", ...args, ...flags], options).spawn();
    const router = new RouterProcess(child, file);
    try {
      await router.#up(options);
    } catch (error) {
      await router[Symbol.asyncDispose]();
      throw error;
    }
    return router;
  }

  /** The verb `registry`, which has no configuration. */
  static async startRegistry(flags: readonly string[] = []): Promise<RouterProcess> {
    const own = ["--host", "127.0.0.1", "--port", "0", "--log-format", "json"];
    const registry = new RouterProcess(routerCommand(["registry", ...own, ...flags]).spawn());
    try {
      const listening = await registry.logged((line) => line.message === "registry is listening");
      registry.port = listening["port"] as number;
    } catch (error) {
      await registry[Symbol.asyncDispose]();
      throw error;
    }
    return registry;
  }

  async #up(options: RouterOptions): Promise<void> {
    const listening = await this.logged((line) => line.message === "router is listening");
    this.port = listening["port"] as number;
    if (options.healthy !== false) {
      const count = listening["backends"] as number;
      const up = new Set<unknown>();
      await this.logged((line) => {
        if (line.message === "backend is healthy") up.add(line["backend"]);
        return up.size === count;
      });
    }
  }

  /** Puts another configuration in the place of its own, whole at any time; whether it is read is not said. */
  async configure(config: string): Promise<void> {
    const file = this.#configFile!;
    await Deno.writeTextFile(`${file}.new`, config);
    await Deno.rename(`${file}.new`, file);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The first log line, past or future, that `matches`. Rejects if the router ends without it. */
  async logged(matches: (line: LogLine) => boolean): Promise<LogLine> {
    let seen = 0;
    const late = Date.now() + LIMIT_MS;
    for (;;) {
      for (; seen < this.log.length; seen++) {
        const line = this.log[seen]!;
        if (matches(line)) return line;
      }
      if (this.#ended) {
        throw new Error(`the router ended before a log line of which ${matches}\n${this.noise}`);
      }
      if (Date.now() > late) {
        throw new Error(`no log line came of which ${matches}; ${this.#lastWords()}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(wake, 1000);
        const waiting = this.#waiting;
        function wake(): void {
          clearTimeout(timer);
          waiting.delete(wake);
          resolve();
        }
        waiting.add(wake);
      });
    }
  }

  /** The one log line of the call with this request id. */
  call(requestId: string): Promise<LogLine> {
    return this.logged((line) =>
      line["request_id"] === requestId && line.message.startsWith("call")
    );
  }

  /** `fetch` whose answer has to be whole in time. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const limit = new AbortController();
    const timer = setTimeout(() => {
      const what = `${init.method ?? "GET"} ${path}`;
      limit.abort(new Error(`no whole answer to ${what} in time; ${this.#lastWords()}`));
    }, LIMIT_MS);
    this.#timers.add(timer);
    const signals = [limit.signal, ...(init.signal ? [init.signal] : [])];
    return fetch(this.url + path, { ...init, signal: AbortSignal.any(signals) });
  }

  /** A JSON POST. */
  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch(path, {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
  }

  /** The named backend in `/stats`. */
  async stats(name: string): Promise<Record<string, unknown>> {
    const { services } = await (await this.fetch("/stats")).json();
    return services.find((service: { name: string }) => service.name === name);
  }

  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  get status(): Promise<Deno.CommandStatus> {
    return within(this.#child.status, "the router's end", {
      ms: LIMIT_MS,
      seen: () => this.#lastWords(),
    });
  }

  #ended = false;

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) {
      try {
        this.#child.kill("SIGKILL");
      } catch {
        // it has ended by itself
      }
    }
    for (const timer of this.#timers) clearTimeout(timer);
    await this.status;
    await within(this.#reading, "the end of the router's output");
    if (this.#configFile !== undefined) await Deno.remove(this.#configFile).catch(() => {});
  }

  #lastWords(): string {
    return `the last of its log: ${JSON.stringify(this.log.slice(-5))}\n${this.noise}`;
  }

  async #readLog(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      rest += text;
      const lines = rest.split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#take(line);
      for (const wake of [...this.#waiting]) wake();
    }
    this.#ended = true;
    for (const wake of [...this.#waiting]) wake();
  }

  #take(line: string): void {
    try {
      this.log.push(JSON.parse(line));
    } catch {
      this.noise += `${line}\n`;
    }
  }
}

/** Backends as YAML, one for each url, named by order: a, b, c … */
export function backendsYaml(urls: readonly string[], extra: readonly string[] = []): string {
  const names = "abcdefgh";
  return `backends:\n${
    urls.map((url, i) =>
      `  - { name: ${names[i]}, url: "${url}"${extra[i] ? `, ${extra[i]}` : ""} }`
    )
      .join("\n")
  }\n`;
}

/** The shortest valid chat request for a model. */
export function chat(
  model: string,
  content = "hello",
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  return { model, messages: [{ role: "user", content }], ...more };
}
