import type { Generation } from "./generation.ts";
import { PythonError } from "./python_values.ts";
import type { Scheduler, Step } from "./scheduler.ts";

/** What a step loop needs of its clock. */
export interface Steps {
  begin(): void;
  pass(step: Step, signal: AbortSignal): Promise<void>;
}

/**
 * InfiniLM's step thread: one step after the other while there is anything to do. An exception in
 * it ends it for ever, and nobody is told: what is in the engine, or comes later, hangs.
 */
export class StepLoop {
  readonly #scheduler: Scheduler;
  readonly #clock: Steps;
  readonly #ended = new AbortController();
  /** Whole answers whose clients were found gone; they are dropped one step later. */
  #noticed: Generation[] = [];
  #expired: Generation[] = [];
  #busy = false;
  #hung: PromiseWithResolvers<void> | undefined;
  #count = 0;

  constructor({ scheduler, clock }: { scheduler: Scheduler; clock: Steps }) {
    this.#scheduler = scheduler;
    this.#clock = clock;
  }

  /** Whether it has not died. */
  get healthy(): boolean {
    return !this.#ended.signal.aborted;
  }

  /** Answers that wait for their first step. */
  get waiting(): number {
    return this.#scheduler.waiting;
  }

  /** Steps computed so far. */
  get steps(): number {
    return this.#count;
  }

  /** Takes an answer in, always; a dead or hung engine, too. */
  add(generation: Generation): void {
    this.#scheduler.add(generation);
    this.#wake();
  }

  /** An answer's time is up: it ends before the next step. */
  expire(generation: Generation): void {
    this.#expired.push(generation);
    this.#wake();
  }

  /** A client has left: a stream is dropped at once, a whole answer when its next token comes. */
  leave(generation: Generation): void {
    generation.clientGone = true;
    if (generation.stream) generation.abort();
  }

  /** The step that is computed does not end, until `release()`. */
  hang(): void {
    this.#hung ??= Promise.withResolvers();
  }

  /** A step that hung goes on. */
  release(): void {
    this.#hung?.resolve();
    this.#hung = undefined;
  }

  /** Ends it for ever, as an exception in a step does. */
  die(): void {
    this.#ended.abort(new Error("The step thread has ended"));
    this.release();
  }

  #wake(): void {
    if (this.#busy || !this.healthy) return;
    this.#busy = true;
    this.#run();
  }

  async #run(): Promise<void> {
    try {
      this.#clock.begin();
      for (let step = this.#next(); step !== undefined; step = this.#next()) {
        await this.#clock.pass(step, this.#ended.signal);
        await this.#whileHung();
        this.#finish(step);
      }
      this.#busy = false;
    } catch (error) {
      // What Python raised, or the end that was asked for; else it is a bug, which must not pass for
      // a simulated fault.
      if (!(error instanceof PythonError) && this.healthy) console.error("The step loop:", error);
      this.die();
    }
  }

  async #whileHung(): Promise<void> {
    while (this.#hung !== undefined) {
      await this.#hung.promise;
      this.#clock.begin();
    }
    this.#ended.signal.throwIfAborted();
  }

  #next(): Step | undefined {
    for (const generation of this.#expired.splice(0)) generation.end("timeout");
    return this.#scheduler.schedule();
  }

  #finish(step: Step): void {
    this.#count++;
    const noticedBefore = this.#noticed.splice(0);
    for (const row of step.rows) {
      if (row.over) continue;
      row.advance();
      if (row.clientGone && !noticedBefore.includes(row)) this.#noticed.push(row);
    }
    for (const generation of noticedBefore) generation.abort();
    this.#scheduler.settle(step);
  }
}
