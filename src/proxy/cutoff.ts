/** Why a call was ended by us: the client left, stopped reading, a limit of ours ran out. */
export type CutoffCause =
  | "client_left"
  | "client_stalled"
  | "request"
  | "idle"
  | "total"
  /** An error has already been answered. */
  | "abandoned";

/**
 * The one way to end a call from outside: its signal closes whatever socket the call holds, and the
 * first cause is remembered, so that a broken socket is not blamed on the backend.
 */
export class Cutoff {
  readonly #controller = new AbortController();
  cause: CutoffCause | undefined;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  cut(cause: CutoffCause): void {
    if (this.cause !== undefined) return;
    this.cause = cause;
    this.#controller.abort();
  }
}
