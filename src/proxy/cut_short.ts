import { UpstreamError } from "../upstream/upstream_error.ts";

/**
 * A body that ended with its connection (RFC 9112, section 6.3) and is not whole. Nothing in the framing of
 * such a body tells it from one whose server died; only what is in it can.
 */
export function cutShort(): UpstreamError {
  const error = new UpstreamError("closed", "the connection ended before the answer did", {
    phase: "body",
  });
  error.delivered = true;
  error.answered = true;
  return error;
}
