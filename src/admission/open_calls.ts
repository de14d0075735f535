import { RouterError } from "../errors.ts";

/** How soon a client may ask again, seconds. */
const RETRY_SECONDS = 1;

/** How many calls are under way: bounded, and known when the last has ended. */
export class OpenCalls {
  readonly #max: number;
  #count = 0;
  #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get count(): number {
    return this.#count;
  }

  begin(): void {
    this.#count++;
  }

  /** Throws `RouterError` (`at_capacity`) if the calls begun are too many. */
  check(): void {
    if (this.#count <= this.#max) return;
    throw new RouterError(
      "at_capacity",
      `${this.#max} calls are under way already (limits.max_requests)`,
      { retryAfter: RETRY_SECONDS },
    );
  }

  end(): void {
    this.#count--;
    if (this.#count > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves as soon as no call is under way. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
