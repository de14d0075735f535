import type { Cutoff } from "./cutoff.ts";
import type { SharedTimer, Waiting } from "./shared_timer.ts";

export interface DeadlineOptions {
  requestTimer: SharedTimer;
  idleMs: number;
  totalMs: number | null;
  /** Monotonic clock, milliseconds. */
  now: () => number;
}

/**
 * The time limits of one call, each named by what it bounds: `request` until a whole answer or a
 * stream's first body byte, then for streams `idle` between two pieces and `total` for all of it.
 */
export class Deadlines {
  readonly #cutoff: Cutoff;
  readonly #options: DeadlineOptions;
  #request: Waiting | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #total: ReturnType<typeof setTimeout> | undefined;
  #lastPiece = 0;
  /** Whether the client, not the backend, is being waited for. */
  #writing = false;

  constructor(cutoff: Cutoff, options: DeadlineOptions) {
    this.#cutoff = cutoff;
    this.#options = options;
    this.#request = options.requestTimer.add(() => this.#expire("request"));
    if (options.totalMs !== null) {
      this.#total = setTimeout(() => this.#expire("total"), options.totalMs);
    }
  }

  /** The first byte of a stream is here: from now on silence is what counts. */
  streamBegan(): void {
    this.#endRequest();
    this.#lastPiece = this.#options.now();
    this.#armIdle(this.#options.idleMs);
  }

  /** The backend sent a piece, which now waits for the client to take it. */
  received(): void {
    this.#writing = true;
    this.#lastPiece = this.#options.now();
  }

  /** The client took it. */
  sent(): void {
    this.#writing = false;
    this.#lastPiece = this.#options.now();
  }

  clear(): void {
    this.#endRequest();
    clearTimeout(this.#idle);
    clearTimeout(this.#total);
  }

  #endRequest(): void {
    if (this.#request !== undefined) this.#options.requestTimer.delete(this.#request);
    this.#request = undefined;
  }

  /** One timer that looks at the clock when it fires: re-arming per piece would cost more than the piece. */
  #armIdle(wait: number): void {
    this.#idle = setTimeout(() => {
      const left = this.#lastPiece + this.#options.idleMs - this.#options.now();
      if (left > 0) this.#armIdle(left);
      else this.#expire("idle");
    }, Math.ceil(wait));
  }

  /** A backend is not to blame for a client that does not take what is there. */
  #expire(limit: "request" | "idle" | "total"): void {
    this.#cutoff.cut(this.#writing ? "client_stalled" : limit);
  }
}
