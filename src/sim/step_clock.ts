import { pause } from "./pace.ts";
import type { Random } from "./random.ts";
import type { Step } from "./scheduler.ts";

/** How long the engine's steps take. */
export interface StepClockOptions {
  /** Of a step that reads prompts, in ms. */
  timeToFirstTokenMs: number;
  /** Prompt tokens read per second, on top of that; 0 = in no time. */
  prefillTokensPerSecond: number;
  /** Steps per second in which answers go on; 0 = without any pause. */
  tokensPerSecond: number;
  /** Share of each delay, 0 to 1, that is left to chance. */
  jitter: number;
  random: Random;
  /** A steady clock in ms. Default: `performance.now`. */
  now?: () => number;
}

/** The time table of an engine's steps: counted from where work began, so lateness never adds up. */
export class StepClock {
  readonly #options: StepClockOptions;
  readonly #now: () => number;
  #due = 0;
  #steps = 0;

  constructor(options: StepClockOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Work begins now, or goes on after it was held up. */
  begin(): void {
    this.#due = this.#now();
  }

  /** Waits for the end of a step; rejects with the signal's reason. */
  async pass(step: Step, signal: AbortSignal): Promise<void> {
    const share = this.#options.jitter * (2 * this.#options.random() - 1);
    this.#due += this.#lengthOf(step) * (1 + share);
    signal.throwIfAborted();
    let left = this.#due - this.#now();
    // Steps that take no time would keep everyone else from being heard.
    if (left <= 0 && ++this.#steps % 64 === 0) await pause(0, signal);
    for (; left > 0; left = this.#due - this.#now()) await pause(Math.ceil(left), signal);
  }

  #lengthOf({ kind, tokens }: Step): number {
    const { timeToFirstTokenMs, prefillTokensPerSecond, tokensPerSecond } = this.#options;
    if (kind === "prefill") {
      return timeToFirstTokenMs + milliseconds(tokens, prefillTokensPerSecond);
    }
    return milliseconds(1, tokensPerSecond);
  }
}

function milliseconds(count: number, perSecond: number): number {
  return perSecond > 0 ? 1000 * count / perSecond : 0;
}
