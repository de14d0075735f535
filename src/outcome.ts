/**
 * Where in a call something happened: while its body came (`upload`), while it waited for a place (`queue`) or
 * between two attempts (`backoff`); in the exchange with a backend, while it was connected to, got the request
 * (`write`), was to begin its answer (`head`) and to go on with it (`body`); while the client was to take a piece
 * of that (`relay`).
 */
export type Phase =
  | "upload"
  | "queue"
  | "backoff"
  | "connect"
  | "write"
  | "head"
  | "body"
  | "relay";

/**
 * How one exchange with a backend ended. `completed` includes answered errors: the backend spoke,
 * and whether it is to blame is told by the status.
 */
export type Outcome =
  | { readonly kind: "completed"; readonly status: number }
  /** No connection, and not for want of time: nothing was delivered. */
  | { readonly kind: "refused" }
  /** A kept connection whose peer closed it in that very moment: nobody's fault. */
  | { readonly kind: "stale" }
  /** Reset, early end or nonsense, in the given phase. */
  | { readonly kind: "broke"; readonly phase: Phase }
  | { readonly kind: "timed_out"; readonly phase: Phase }
  /** The client went away, or stopped reading; nobody's fault. */
  | { readonly kind: "client_left"; readonly phase: Phase }
  /** The router itself could not go on, out of descriptors or by a defect; not the backend's fault. */
  | { readonly kind: "router_failed" };

/** Whether the backend is to blame: no connection, a break, a time-out or a 5xx. 429 is not a fault. */
export function isFailure(outcome: Outcome): boolean {
  if (outcome.kind === "completed") return outcome.status >= 500;
  return outcome.kind !== "stale" && outcome.kind !== "client_left" &&
    outcome.kind !== "router_failed";
}
