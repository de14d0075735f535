import type { Backend } from "../registry/backend.ts";
import type { UpstreamClient } from "../upstream/client.ts";
import { getPage, type Page, type PageRequest } from "../upstream/page.ts";
import { stopOn } from "../upstream/stop.ts";

export interface AskOptions {
  client: UpstreamClient;
  /** Bounds all that is asked, milliseconds. */
  timeoutMs: number;
  signal: AbortSignal;
}

/** Asks one backend for pages, all of them within one time limit. Disposal ends what is under way. */
export class Asker implements Disposable {
  readonly #backend: Backend;
  readonly #options: AskOptions;
  readonly #limit = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #stop = (): void => this.#limit.abort();

  constructor(backend: Backend, options: AskOptions) {
    this.#backend = backend;
    this.#options = options;
    const { signal, timeoutMs } = options;
    if (signal.aborted) this.#stop();
    signal.addEventListener("abort", this.#stop);
    this.#timer = setTimeout(this.#stop, timeoutMs);
  }

  /** Whether the time is over. */
  get over(): boolean {
    return this.#limit.signal.aborted;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#options.signal.removeEventListener("abort", this.#stop);
  }

  /** One page, behind the backend's own prefix, with its key. Throws `UpstreamError`. */
  get(path: string, { fresh = false } = {}): Promise<Page> {
    return this.#page({ target: path, fresh });
  }

  /** What it answers to JSON. Throws `UpstreamError`. */
  post(path: string, body: Uint8Array): Promise<Page> {
    return this.#page({ target: path, body, headers: [["content-type", "application/json"]] });
  }

  #page(
    { target, headers = [], ...rest }: Pick<PageRequest, "target" | "headers" | "body" | "fresh">,
  ): Promise<Page> {
    const { basePath, apiKey } = this.#backend.spec;
    const { client, timeoutMs } = this.#options;
    return getPage(client, {
      ...rest,
      target: basePath + target,
      headers: apiKey === undefined ? headers : [...headers, ["authorization", `Bearer ${apiKey}`]],
      connectTimeoutMs: timeoutMs,
      stop: stopOn(this.#limit.signal),
    });
  }
}
