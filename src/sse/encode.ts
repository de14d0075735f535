const encoder = new TextEncoder();

/** What an error event says; OpenAI's SDKs throw when they see it. */
export interface StreamError {
  readonly message: string;
  readonly type: string;
  readonly code: string;
}

/**
 * The one event that tells of a failure inside a stream. `openEvent` says that the beginning of
 * another event has already been sent: it is ended first.
 */
export function encodeErrorEvent(error: StreamError, { openEvent = false } = {}): Uint8Array {
  const { message, type, code } = error;
  const event = `data: ${JSON.stringify({ error: { message, type, code } })}\n\n`;
  return encoder.encode(openEvent ? `\n\n${event}` : event);
}
