import type { LoadOrder } from "./load.ts";

const CORES = navigator.hardwareConcurrency;

/** What `taskset` is needed for, and whether it is there. */
export const pinned: boolean = CORES > 1 && onPath("taskset");

export interface ChildOptions {
  /** Where it runs, if it can be pinned; 0 for subjects, 1 for everything else. */
  core: 0 | 1;
  stdin?: "piped" | "null";
  stdout?: "piped" | "null";
  /** A file for what it writes there; left out, nowhere. */
  stderr?: string;
  /** The folder it runs in; left out, this one. */
  cwd?: string;
}

/** A child that is ended, by its own id, when the block that holds it is left. */
export class Child {
  readonly #child: Deno.ChildProcess;

  constructor(
    command: readonly string[],
    { core, stdin = "null", stdout = "null", stderr, cwd }: ChildOptions,
  ) {
    const [program, ...args] = [
      ...(stderr === undefined ? [] : ["sh", "-c", 'exec "$@" 2>"$0"', stderr]),
      ...(pinned ? ["taskset", "-c", String(core)] : []),
      ...command,
    ];
    this.#child = new Deno.Command(program!, { args, stdin, stdout, stderr: "null", cwd }).spawn();
  }

  /** `sh` and `taskset` become the program that they start, so this is the program's own id. */
  get pid(): number {
    return this.#child.pid;
  }

  get stdin(): WritableStream<Uint8Array> {
    return this.#child.stdin;
  }

  get stdout(): ReadableStream<Uint8Array> {
    return this.#child.stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended by itself
    }
    await this.#child.status;
  }
}

/** How this Deno runs a file of the bench. */
export function denoRun(file: string): string[] {
  return [Deno.execPath(), "run", "--no-check", ...mapFlags(), "--allow-all", file];
}

/** The flags that say where packages come from (packaging/toolchain.sh). */
export function mapFlags(): string[] {
  return (Deno.env.get("MAP") ?? "").split(" ").filter((flag) => flag !== "");
}

/** Whether a program is on the PATH. */
export function onPath(program: string): boolean {
  try {
    return new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** A port of 127.0.0.1 that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** The lines a child writes. */
export class Lines {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(from: ReadableStream<Uint8Array>) {
    this.#reader = from.pipeThrough(new TextDecoderStream()).getReader();
  }

  async next(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end !== -1) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("a process of the bench ended early");
      this.#rest += value;
    }
  }
}

/** The load's process. */
export class Load {
  readonly #lines: Lines;
  readonly #orders: WritableStreamDefaultWriter<Uint8Array>;

  constructor(child: Child) {
    this.#lines = new Lines(child.stdout);
    this.#orders = child.stdin.getWriter();
  }

  /** Has an order carried out. Throws what went wrong: a subject that fails is never fast. */
  async run<Result>(order: LoadOrder): Promise<Result> {
    await this.#orders.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`));
    const result = JSON.parse(await this.#lines.next()) as Result & { error?: string };
    if (result.error !== undefined) throw new Error(`${order.kind}: ${result.error}`);
    return result;
  }
}
