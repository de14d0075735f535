import { freePort } from "./free_port.ts";
import { routerCommand } from "./router.ts";
import { until } from "./until.ts";

/** A simulated engine as a process of its own, which can be killed and started anew on its port. */
export class SimProcess implements AsyncDisposable {
  readonly port = freePort();
  readonly #flags: readonly string[];
  #child: Deno.ChildProcess | undefined;

  /** With these flags of the verb `sim`. */
  constructor(...flags: string[]) {
    this.#flags = flags;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const command = routerCommand(["sim", "--port", String(this.port), ...this.#flags]);
    const child = this.#child = command.spawn();
    void child.stdout.pipeTo(new WritableStream());
    void child.stderr.pipeTo(new WritableStream());
    await until("the engine answers", async () => {
      const answer = await fetch(`${this.url}/health`).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.ok === true;
    });
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#child = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
