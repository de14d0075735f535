/**
 * A transform that can be broken off at any time, also while nobody reads. Aborting its writer would
 * not do: that waits for the piece being written, and so for a reader that may never take it.
 */
export class BreakableStream extends TransformStream<Uint8Array, Uint8Array> {
  readonly #controller: TransformStreamDefaultController<Uint8Array>;

  /** Without a transformer everything passes unchanged. */
  constructor(transformer: Transformer<Uint8Array, Uint8Array> = {}) {
    let own: TransformStreamDefaultController<Uint8Array>;
    super({
      ...transformer,
      start(controller): void {
        own = controller;
      },
    });
    this.#controller = own!;
  }

  /** Whether its reader has taken all there is. */
  get isEmpty(): boolean {
    return (this.#controller.desiredSize ?? -1) >= 0;
  }

  /** Gives its reader something that was not written; whether there still is one. */
  protected slipIn(bytes: Uint8Array): boolean {
    try {
      this.#controller.enqueue(bytes);
      return true;
    } catch {
      return false; // it has left: the writer hears of that a little later on Deno 2.6
    }
  }

  /** Breaks both ends at once; what was not yet taken is lost. */
  fail(error: unknown): void {
    this.#controller.error(error);
  }
}
