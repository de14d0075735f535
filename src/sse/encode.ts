const encoder = new TextEncoder();

export interface EventOptions {
  /** The event's name; left out, it has none. */
  event?: string;
  /** Whether the beginning of another event has already been sent: it is ended first. */
  openEvent?: boolean;
}

/** One event with this data as JSON, which is one line whatever it holds. */
export function encodeEvent(
  data: unknown,
  { event, openEvent = false }: EventOptions = {},
): Uint8Array {
  const name = event === undefined ? "" : `event: ${event}\n`;
  return encoder.encode(`${openEvent ? "\n\n" : ""}${name}data: ${JSON.stringify(data)}\n\n`);
}
