import type { Phase } from "../outcome.ts";

/**
 * - `refused`: nobody listens there; `unreachable`: no route or no such name;
 * - `timeout`: no connection in time;
 * - `closed`: the peer ended the connection early; `reset`: it, or the network, broke it;
 * - `bad_answer`: what came is not a valid HTTP/1.1 answer;
 * - `aborted`: we were told to stop; `local`: this process or machine lacks something of its own
 *   (descriptors, ports, memory), which says nothing about the backend.
 */
export type UpstreamErrorKind =
  | "refused"
  | "unreachable"
  | "timeout"
  | "closed"
  | "reset"
  | "bad_answer"
  | "aborted"
  | "local";

/** Why an exchange failed, with all that a retry decision needs. Never a quiet end. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly kind: UpstreamErrorKind;
  readonly phase: Phase;
  /** Whether the connection had served an earlier exchange. */
  reused = false;
  /** Whether any byte of the answer came. */
  answered = false;
  /**
   * Whether the backend can hold the whole request. False only if the last byte of it was never
   * handed to the kernel: no server acts on half a request.
   */
  delivered = false;
  /**
   * Whether it was a kept connection that its server had closed before the request came (RFC 9112,
   * section 9.3.1): nobody has read the request, so it was not to blame and may be sent again.
   */
  stale = false;

  constructor(
    kind: UpstreamErrorKind,
    message: string,
    { phase, cause }: { phase: Phase; cause?: unknown },
  ) {
    super(message, { cause });
    this.kind = kind;
    this.phase = phase;
  }
}

const OUT_OF_MEANS =
  /cannot assign requested address|no buffer space|cannot allocate memory|os error (12|99|105)\b/i;

/** Gives what the socket threw its kind. `phase` is where we were. */
export function fromSocket(error: unknown, phase: Phase): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new UpstreamError(kindOf(error, phase), reason, { phase, cause: error });
}

/** Whether this process, or the machine, has no file descriptor left. Deno has no class for it. */
export function isOutOfDescriptors(error: unknown): boolean {
  return error instanceof Error && /too many open files|os error 2[34]\b/i.test(error.message);
}

/**
 * Whether this process, or the machine, lacks what a socket takes: descriptors, a local port
 * (EADDRNOTAVAIL), buffers (ENOBUFS) or memory (ENOMEM). The numbers are those of Linux.
 */
export function isOutOfMeans(error: unknown): boolean {
  return isOutOfDescriptors(error) || error instanceof Deno.errors.AddrNotAvailable ||
    error instanceof Error && OUT_OF_MEANS.test(error.message);
}

function kindOf(error: unknown, phase: Phase): UpstreamErrorKind {
  if (error instanceof Deno.errors.ConnectionRefused) return "refused";
  if (error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BadResource) {
    return "aborted"; // reading or writing a socket that we closed ourselves
  }
  if (isOutOfMeans(error)) return "local";
  if (phase !== "connect") return "reset";
  return error instanceof Deno.errors.TimedOut ? "timeout" : "unreachable";
}
