import type { Backend } from "../registry/backend.ts";
import type { UpstreamClient } from "../upstream/client.ts";
import { stopOn } from "../upstream/stop.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";

/** No health page or model list is larger; what is, is not one. */
const MAX_BODY_BYTES = 1024 * 1024;

export interface AskOptions {
  client: UpstreamClient;
  /** Bounds all that is asked, milliseconds. */
  timeoutMs: number;
  signal: AbortSignal;
}

export interface Page {
  readonly status: number;
  readonly text: string;
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

  /**
   * One page, behind the backend's own prefix; on a connection of its own if it is to be `fresh`. Redirects
   * are not followed. Throws `UpstreamError`.
   */
  async get(path: string, { fresh = false } = {}): Promise<Page> {
    try {
      return await this.#get(path, fresh);
    } catch (error) {
      if (!(error instanceof UpstreamError && error.stale)) throw error;
      return await this.#get(path, true); // its kept connection had died
    }
  }

  async #get(path: string, fresh: boolean): Promise<Page> {
    const { basePath, apiKey } = this.#backend.spec;
    const { client, timeoutMs } = this.#options;
    const headers: [string, string][] = [["accept", "application/json"], [
      "accept-encoding",
      "identity",
    ]];
    if (apiKey !== undefined) headers.push(["authorization", `Bearer ${apiKey}`]);
    const { status, body } = await client.send(
      { method: "GET", target: basePath + path, headers },
      { connectTimeoutMs: timeoutMs, stop: stopOn(this.#limit.signal), fresh },
    );
    const decoder = new TextDecoder();
    let text = "";
    let bytes = 0;
    for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
      bytes += piece.length;
      if (bytes > MAX_BODY_BYTES) {
        body.cancel();
        throw new UpstreamError("bad_answer", `the page is larger than ${MAX_BODY_BYTES} bytes`, {
          phase: "body",
        });
      }
      text += decoder.decode(piece, { stream: true });
    }
    return { status, text: text + decoder.decode() };
  }
}
