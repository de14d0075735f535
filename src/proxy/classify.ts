import { RouterError } from "../errors.ts";
import type { Outcome } from "../outcome.ts";
import type { UpstreamError } from "../upstream/upstream_error.ts";
import type { Cutoff } from "./cutoff.ts";

/** What a failed exchange means for its backend, for the client and for what to do next. */
export interface Verdict {
  readonly outcome: Outcome;
  readonly error: RouterError;
  /**
   * `elsewhere`: nothing was delivered, another backend may have it. `once`: it may have been
   * delivered, and one poison request can kill every engine it is sent to. `stop`: no more.
   */
  readonly next: "elsewhere" | "once" | "stop";
}

/** Judges why an exchange with `backend` failed. */
export function classify(
  error: UpstreamError,
  { backend, cutoff, inStream = false }: { backend: string; cutoff: Cutoff; inStream?: boolean },
): Verdict {
  const { phase } = error;
  switch (cutoff.cause) {
    case "client_left":
    case "client_stalled":
      return {
        outcome: { kind: "client_left", phase },
        error: new RouterError("client_closed", "the client left", { cause: error }),
        next: "stop",
      };
    case "request":
    case "idle":
    case "total":
      return {
        outcome: { kind: "timed_out", phase },
        error: new RouterError(
          inStream ? "upstream_idle_timeout" : "upstream_timeout",
          inStream
            ? `backend ${backend} went silent, or the stream took too long (timeouts.${cutoff.cause})`
            : `backend ${backend} gave no whole answer in time (timeouts.${cutoff.cause})`,
          { cause: error },
        ),
        next: "stop",
      };
  }
  if (error.kind === "local") {
    return {
      outcome: { kind: "router_failed" },
      error: new RouterError("upstream_connect", "the router is out of file descriptors", {
        cause: error,
      }),
      next: "stop",
    };
  }
  if (error.phase === "connect") {
    return {
      outcome: { kind: "refused" },
      error: new RouterError(
        "upstream_connect",
        `no connection to backend ${backend}: ${error.message}`,
        {
          cause: error,
        },
      ),
      next: "elsewhere",
    };
  }
  if (error.kind === "bad_answer") {
    return {
      outcome: { kind: "broke", phase },
      error: new RouterError(
        "upstream_bad_answer",
        `backend ${backend} gave no valid HTTP answer: ${error.message}`,
        { cause: error, repeat: false },
      ),
      next: "stop",
    };
  }
  return {
    outcome: { kind: "broke", phase },
    error: new RouterError(
      "upstream_broken",
      `backend ${backend} broke the connection before its answer was complete`,
      { cause: error },
    ),
    next: error.delivered ? "once" : "elsewhere",
  };
}
