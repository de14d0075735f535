import { RouterError } from "../errors.ts";

/** How soon a client may ask again, seconds. */
const RETRY_SECONDS = 1;

/** A call that is under way. */
export interface OpenCall {
  /** Ends it, as the process does. */
  shutDown(): void;
}

/** The calls that are under way: bounded, and known when the last has ended. */
export class OpenCalls {
  #max: number;
  readonly #calls = new Set<OpenCall>();
  #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get count(): number {
    return this.#calls.size;
  }

  /** Takes another bound; calls that are under way go on. */
  configure(max: number): void {
    this.#max = max;
  }

  begin(call: OpenCall): void {
    this.#calls.add(call);
  }

  /** Throws `RouterError` (`at_capacity`) if the calls begun are too many. */
  check(): void {
    if (this.#calls.size <= this.#max) return;
    throw new RouterError(
      "at_capacity",
      `${this.#max} calls are under way already (limits.max_requests)`,
      { retryAfter: RETRY_SECONDS },
    );
  }

  end(call: OpenCall): void {
    this.#calls.delete(call);
    if (this.#calls.size > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Ends all that are under way. */
  shutDown(): void {
    for (const call of [...this.#calls]) call.shutDown();
  }

  /** Resolves as soon as no call is under way. */
  idle(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
