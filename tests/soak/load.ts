import type { Chance } from "../support/chance.ts";
import { RawClient, rawPost } from "../support/raw_client.ts";

export interface LoadOptions {
  port: number;
  /** So many have a call open at any time. */
  clients: number;
  chance: Chance;
}

/** Many clients, each making one call after the other: long streams and short ones, whole answers, some that leave. */
export class Load {
  readonly #options: LoadOptions;
  readonly #clients: Promise<void>[];
  readonly #ends: Record<string, number> = {};
  #stopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#clients = Array.from({ length: options.clients }, () => this.#client());
  }

  /** How the calls have ended so far. */
  told(): string {
    return JSON.stringify(this.#ends);
  }

  /** Resolves when the last calls have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #client(): Promise<void> {
    while (!this.#stopped) {
      const end = await this.#session().catch(() => "broken connection");
      this.#ends[end] = (this.#ends[end] ?? 0) + 1;
    }
  }

  /** Some calls on one connection; how the last one ended. */
  async #session(): Promise<string> {
    const { port, chance } = this.#options;
    using client = await RawClient.connect(port);
    let end = "";
    for (let left = chance.integer(1, 5); left > 0 && !this.#stopped; left--) {
      const stream = chance.is(0.8);
      const content = "word ".repeat(chance.one([1, 1, 100, 5000]));
      await client.write(rawPost(
        "/v1/chat/completions",
        JSON.stringify({
          model: "sim",
          messages: [{ role: "user", content: `${chance.number()} ${content}` }],
          stream,
          max_tokens: chance.one([1, 10, 100, 300]),
        }),
        [`authorization: Bearer key-${chance.integer(1, 20)}`],
      ));
      if (chance.is(0.1)) {
        await new Promise((resolve) => setTimeout(resolve, chance.number(1000)));
        return "left";
      }
      const { status, complete } = await client.answer();
      end = complete ? String(status) : `${status} cut`;
      if (!complete) return end;
    }
    return end;
  }
}
