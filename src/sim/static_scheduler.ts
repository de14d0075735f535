import type { Generation } from "./generation.ts";
import { cachedTokens } from "./prefix_cache.ts";
import { countWaiting, type Scheduler, type Step } from "./scheduler.ts";

const PREFIX_BLOCK = 16;

/**
 * InfiniLM's static KV cache: one answer at a time, first in, first out. Only the prompt before is
 * remembered, and a prompt longer than the cache is answered with nothing.
 */
export class StaticScheduler implements Scheduler {
  readonly #maxCacheLen: number;
  readonly #queue: Generation[] = [];
  #running: Generation | undefined;
  #lastPrompt: readonly string[] = [];

  constructor({ maxCacheLen = 4096 }: { maxCacheLen?: number } = {}) {
    this.#maxCacheLen = maxCacheLen;
  }

  get waiting(): number {
    return countWaiting(this.#queue);
  }

  add(generation: Generation): void {
    this.#queue.push(generation);
  }

  schedule(): Step | undefined {
    if (this.#running !== undefined && this.#running.length > this.#maxCacheLen) {
      this.#running.end("length");
    }
    if (this.#running?.over === false) {
      return { rows: [this.#running], kind: "decode", tokens: 1 };
    }
    this.#running = this.#next();
    if (this.#running === undefined) return undefined;
    const { promptTokens } = this.#running;
    const cached = cachedTokens(promptTokens, { last: this.#lastPrompt, block: PREFIX_BLOCK });
    this.#lastPrompt = promptTokens;
    const tokens = promptTokens.length - cached;
    this.#running.computedTokens = tokens;
    return { rows: [this.#running], kind: "prefill", tokens };
  }

  settle(): void {
    // Whether the one row is over is looked at when the next step is asked for.
  }

  #next(): Generation | undefined {
    for (;;) {
      const next = this.#queue.shift();
      if (next === undefined) return undefined;
      if (next.promptTokens.length > this.#maxCacheLen) next.end("length");
      if (!next.over) return next;
    }
  }
}
