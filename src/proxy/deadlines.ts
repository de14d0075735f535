import type { Cutoff } from "./cutoff.ts";
import type { SharedTimer, Waiting } from "./shared_timer.ts";

export interface DeadlineOptions {
  requestTimer: SharedTimer;
  timeouts: {
    readonly idleMs: number;
    readonly totalMs: number | null;
    readonly clientStallMs: number;
  };
  /** Monotonic clock, milliseconds. */
  now: () => number;
  /** What it said when the call arrived. */
  startedAt: number;
}

/**
 * The time limits of one call, each named by what it bounds: `request` until a whole answer or the
 * beginning of a stream, then for streams `idle` between two pieces and `total` for all of it;
 * `client_stall` while a piece waits for the client to take it.
 */
export class Deadlines {
  readonly #cutoff: Cutoff;
  readonly #options: DeadlineOptions;
  #request: Waiting | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #total: ReturnType<typeof setTimeout> | undefined;
  /** How long the backend may be silent. */
  #idleMs = Infinity;
  #lastPiece = 0;
  /** Whether the client, not the backend, is being waited for. */
  #writing = false;

  constructor(cutoff: Cutoff, options: DeadlineOptions) {
    this.#cutoff = cutoff;
    this.#options = options;
    this.#request = options.requestTimer.add(() => this.#expire("request"), options.startedAt);
  }

  /** A body begins to go out piece by piece; of a stream, silence is what counts from now on. */
  bodyBegan({ stream }: { stream: boolean }): void {
    const { idleMs, totalMs, clientStallMs } = this.#options.timeouts;
    if (stream) {
      this.#endRequest();
      this.#idleMs = idleMs;
      if (totalMs !== null) this.#total = setTimeout(() => this.#expire("total"), totalMs);
    }
    this.#lastPiece = this.#options.now();
    this.#watch(Math.min(this.#idleMs, clientStallMs));
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
    clearTimeout(this.#silence);
    clearTimeout(this.#total);
  }

  #endRequest(): void {
    if (this.#request !== undefined) this.#options.requestTimer.delete(this.#request);
    this.#request = undefined;
  }

  /** One timer that looks at the clock when it fires: re-arming per piece would cost more than the piece. */
  #watch(wait: number): void {
    this.#silence = setTimeout(() => {
      const left = this.#patience() - this.#waited();
      const { clientStallMs } = this.#options.timeouts;
      if (left > 0) this.#watch(Math.min(left, clientStallMs));
      else this.#expire("idle");
    }, Math.ceil(wait));
  }

  /** How long the last piece may wait: for the client to take it, or for the next. */
  #patience(): number {
    return this.#writing ? this.#options.timeouts.clientStallMs : this.#idleMs;
  }

  /** How long it has. */
  #waited(): number {
    return this.#options.now() - this.#lastPiece;
  }

  /**
   * A backend is not to blame for a client that does not take what is there. But of a stream that flows,
   * some piece is nearly always on its way: only one that has waited too long is the client's fault.
   */
  #expire(limit: "request" | "idle" | "total"): void {
    const stalled = this.#writing && this.#waited() >= this.#patience();
    this.#cutoff.cut(stalled ? "client_stalled" : limit);
  }
}
