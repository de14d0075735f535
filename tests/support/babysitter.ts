/** What InfiniLM-SVC's babysitter says to a registry in its life (its rust/src/babysitter), as a script. */
import type { RouterProcess } from "./router.ts";

/** Status and parsed body of an answer; no body is undefined. */
// deno-lint-ignore no-explicit-any -- what came, to be looked into
export type Answered = [status: number, body: any];

export interface BabysitterOptions {
  name: string;
  /** The engine's; the babysitter's own is the next. */
  port: number;
  host?: string;
  models?: readonly string[];
  /** The client that it sends with: another one has another address. */
  client?: Deno.HttpClient;
}

/** Asks a registry and reads the whole answer. */
export async function askRegistry(
  registry: RouterProcess,
  what: string,
  { body, client }: { body?: unknown; client?: Deno.HttpClient | undefined } = {},
): Promise<Answered> {
  const [method = "", path = ""] = what.split(" ");
  const init = {
    method,
    ...(client === undefined ? {} : { client }),
    ...(body === undefined ? {} : {
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    }),
  };
  const response = await registry.fetch(path, init);
  const text = await response.text();
  return [response.status, text === "" ? undefined : JSON.parse(text)];
}

export class Babysitter {
  readonly #options:
    & Required<Omit<BabysitterOptions, "client">>
    & Pick<BabysitterOptions, "client">;

  constructor(options: BabysitterOptions) {
    this.#options = { host: "127.0.0.1", models: ["Qwen3-32B"], ...options };
  }

  /** Its two names: its own and its engine's. */
  get names(): [string, string] {
    const { name } = this.#options;
    return [name, `${name}-server`];
  }

  /** What it tells of itself. */
  get ownService(): Record<string, unknown> {
    return this.#service(this.names[0], this.#options.port + 1, {
      type: "InfiniLM-Rust",
      babysitter: "enhanced",
    });
  }

  /** What it tells of its engine, once that has told its models. */
  get engineService(): Record<string, unknown> {
    const { port, models } = this.#options;
    const [own, engine] = this.names;
    return this.#service(engine, port, {
      type: "openai-api",
      parent_service: own,
      babysitter: "enhanced",
      models,
      models_list: models.map((id) => ({ id, object: "model", owned_by: "infinilm" })),
      cache_type: "paged",
    });
  }

  /** What it does at its start. */
  async start(registry: RouterProcess): Promise<Answered[]> {
    const { client } = this.#options;
    const first = await askRegistry(registry, "POST /services", { body: this.ownService, client });
    const body = this.engineService;
    return [first, await askRegistry(registry, "POST /services", { body, client })];
  }

  /** What it does every 30 s, whatever is answered. */
  async beat(registry: RouterProcess): Promise<Answered[]> {
    const { client } = this.#options;
    const answers: Answered[] = [];
    for (const name of this.names) {
      answers.push(await askRegistry(registry, `POST /services/${name}/heartbeat`, { client }));
    }
    return answers;
  }

  #service(
    name: string,
    port: number,
    metadata: Record<string, unknown>,
  ): Record<string, unknown> {
    const { host } = this.#options;
    const url = `http://${host}:${port}`;
    return { name, host, hostname: host, port, url, status: "running", metadata };
  }
}
