import type { Outcome, Phase } from "../outcome.ts";
import type { Stop } from "../upstream/stop.ts";

/** Why a call was ended by us: the client left, stopped reading, a limit of ours ran out, we stop. */
export type CutoffCause =
  | "client_left"
  | "client_stalled"
  | "request"
  | "idle"
  | "total"
  /** The process ends (`shutdown.timeout`). */
  | "shutdown"
  /** An error has already been answered. */
  | "abandoned";

/** Whether the client is why. */
export function isClients(cause: CutoffCause | undefined): boolean {
  return cause === "client_left" || cause === "client_stalled";
}

/** How a call ended that was cut outside of an exchange with a backend, or because of its client. */
export function cutOutcome({ cause }: Cutoff, phase: Phase): Outcome {
  if (cause === "shutdown") return { kind: "router_failed" };
  return { kind: isClients(cause) ? "client_left" : "timed_out", phase };
}

/** Notes where a call was when it was ended. One that was given up for another's failure was nowhere. */
export function noteCut(
  record: { outcome: Outcome | undefined },
  cutoff: Cutoff,
  phase: Phase,
): void {
  const { cause } = cutoff;
  if (cause !== undefined && cause !== "abandoned") record.outcome = cutOutcome(cutoff, phase);
}

/**
 * The one way to end a call from outside: it closes whatever socket the call holds, and the first
 * cause is remembered, so that a broken socket is not blamed on the backend.
 */
export class Cutoff implements Stop {
  cause: CutoffCause | undefined;
  #listeners: (() => void)[] = [];
  #interrupted = false;

  /** Whether the attempt that is under way has been ended. */
  get interrupted(): boolean {
    return this.#interrupted;
  }

  get stopped(): boolean {
    return this.cause !== undefined || this.#interrupted;
  }

  on(listener: () => void): void {
    this.#listeners.push(listener);
  }

  off(listener: () => void): void {
    const at = this.#listeners.indexOf(listener);
    if (at !== -1) this.#listeners.splice(at, 1);
  }

  /** Is cut when `whole` is, until disposal. */
  follow(whole: Cutoff): Disposable {
    const onCut = (): void => this.cut(whole.cause ?? "abandoned");
    if (whole.cause !== undefined) onCut();
    else whole.on(onCut);
    return { [Symbol.dispose]: () => whole.off(onCut) };
  }

  /** Ends the attempt that is under way, whatever it waits for; the call goes on after `resume`. */
  interrupt(): void {
    this.#interrupted = true;
    for (const listener of this.#listeners.splice(0)) listener();
  }

  /** Another attempt begins. */
  resume(): void {
    this.#interrupted = false;
  }

  cut(cause: CutoffCause): void {
    if (this.cause !== undefined) return;
    this.cause = cause;
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
