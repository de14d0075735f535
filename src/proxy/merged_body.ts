import type { Answer } from "./answer.ts";

/** A piece that waits to be taken. */
interface Put {
  readonly piece: Uint8Array;
  readonly taken: () => void;
}

/** One body made of what several put into it, each waiting until its piece is taken. */
export class MergedBody implements Pick<Answer["body"], "read" | "cancel" | "done"> {
  done = false;
  readonly failed = false;
  readonly untilClose = false;
  readonly #waiting: Put[] = [];
  readonly #onCancel: () => void;
  #wake: (() => void) | undefined;
  #ended = false;
  #cancelled = false;
  #error: { reason: unknown } | undefined;

  constructor(onCancel: () => void) {
    this.#onCancel = onCancel;
  }

  put(piece: Uint8Array): Promise<void> {
    if (this.#cancelled) return Promise.resolve();
    return new Promise((taken) => {
      this.#waiting.push({ piece, taken });
      this.#wake?.();
    });
  }

  /** No more is put in: all is well, or that is why not. */
  end(error?: { reason: unknown }): void {
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const put = this.#waiting.shift();
      if (put !== undefined) {
        put.taken();
        return put.piece;
      }
      if (this.#error !== undefined) throw this.#error.reason;
      if (this.#ended) {
        this.done = true;
        return undefined;
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  cancel(): void {
    if (this.done || this.#cancelled) return;
    this.#cancelled = true;
    for (const { taken } of this.#waiting.splice(0)) taken();
    this.#onCancel();
  }
}
