import fc from "fast-check";

/** Parts of event streams, good and strange; joined at random they give every mix of line ends. */
const part = fc.constantFrom(
  "data: x",
  'data: {"a":"b"}',
  "data",
  ": a comment",
  "id: 1",
  "event: e",
  "retry: 5",
  "\n",
  "\n\n",
  "\r",
  "\r\r",
  "\r\n",
  "\r\n\r\n",
  "\n\r",
  "\u{feff}",
  "\0",
  "ä",
  "😀",
  "[DONE]",
);

export const eventStreams: fc.Arbitrary<Uint8Array> = fc.array(part, { maxLength: 30 })
  .map((parts) => new TextEncoder().encode(parts.join("")));

/** A text cut into pieces, none of them empty. */
export function cutAt(bytes: Uint8Array, shares: readonly number[]): Uint8Array[] {
  const places = shares.map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b);
  return [0, ...places].map((place, index) => bytes.subarray(place, places[index] ?? bytes.length))
    .filter((piece) => piece.length > 0);
}

export const cuts: fc.Arbitrary<number[]> = fc.oneof(
  fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
  fc.constant(Array.from({ length: 400 }, (_, index) => index / 400)), // byte by byte
);

/**
 * The slow, plain truth about where a stream may be cut: behind every line end that ends an empty line, or a
 * line between two events that cannot be one of an event's fields. A CRLF ends its line at the CR already,
 * so that both of its halves count.
 */
export function boundaries(bytes: Uint8Array): number[] {
  const found: number[] = [];
  let line = "";
  let inEvent = false;
  for (let at = 0; at < bytes.length; at++) {
    const cr = bytes[at] === 13;
    if (!cr && bytes[at] !== 10) {
      line += String.fromCharCode(bytes[at]!);
      continue;
    }
    const passes: boolean = line === "" || (!inEvent && !/^[dei\xef]/.test(line));
    inEvent = !passes;
    if (passes) found.push(at + 1);
    if (cr && bytes[at + 1] === 10) {
      at++;
      if (passes) found.push(at + 1);
    }
    line = "";
  }
  return found;
}

export function join(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
