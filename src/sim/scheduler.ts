import type { Generation } from "./generation.ts";

/** What the engine computes at once. */
export interface Step {
  /** The answers that get a token by it. */
  readonly rows: readonly Generation[];
  /** Whether prompts are read, or answers go on. */
  readonly kind: "prefill" | "decode";
  /** Tokens computed: those of the prompts that were not cached, or one for each answer. */
  readonly tokens: number;
}

/** Decides who is computed next. What is over is passed by. */
export interface Scheduler {
  /** Answers that wait for their first step, without those whose clients have left. */
  readonly waiting: number;
  /** Puts an answer into the queue, which has no limit. */
  add(generation: Generation): void;
  /** The next step; undefined = there is nothing to do. Throws if the KV cache is full. */
  schedule(): Step | undefined;
  /** The step has been computed, and every row has its token. */
  settle(step: Step): void;
}

/** Answers in a queue for which somebody still waits. */
export function countWaiting(queue: readonly Generation[]): number {
  return queue.filter(({ over, clientGone }) => !over && !clientGone).length;
}
