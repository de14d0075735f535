import type { Endpoint } from "./endpoints.ts";
import { isObject } from "./json_object.ts";

const LF = 10;
const CR = 13;
const SPACE = 32;
const DATA = new TextEncoder().encode("data:");
const EVENT = new TextEncoder().encode("event:");
const DONE = new TextEncoder().encode("[DONE]");
/** The first bytes of `data:` and `event:`. */
const D = 0x64;
const E = 0x65;

/** Why a choice ended: behind it, at most counts are missing. */
const FINISH_REASON = /"finish_reason"\s*:\s*"[^"]/;

/** Larger pieces are searched before they are looked at line by line: 100 events in 1 µs instead of 7. */
const LOOKED_AT_BYTES = 1024;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Reads along a stream and knows whether the event behind which nothing is missing has passed, blank line
 * included: `[DONE]` (OpenAI's API reference, streaming), or what the endpoint has in its place. Such a stream is
 * whole, whatever its connection does next.
 */
export class StreamEnd {
  /** Whether that event has passed. */
  reached = false;
  /** Whether a choice has ended; asked only of a stream whose framing does not tell its end. */
  #finished = false;
  readonly #names: readonly string[];
  readonly #known: boolean;
  readonly #untilClose: boolean;
  /** Whether the next byte begins a line; not so within an event that passes in pieces. */
  #lineStart = true;
  /** Whether the last byte was a CR, whose LF may still come. */
  #afterCr = false;
  /** What the event that is passing has said: that it is `[DONE]`, its name, its data. */
  #done = false;
  #name: string | undefined;
  #data: Uint8Array | undefined;

  constructor(
    { lastEvents }: Pick<Endpoint, "lastEvents">,
    { untilClose = false }: { untilClose?: boolean } = {},
  ) {
    this.#names = lastEvents ?? [];
    this.#known = lastEvents !== undefined;
    this.#untilClose = untilClose;
  }

  /** Whether that event is known to be still to come. */
  get missing(): boolean {
    return this.#known && !this.reached;
  }

  /**
   * Whether a stream that ended with its connection is not whole, by what is in it. `rest` is an event that
   * was not ended.
   */
  isCutShort(rest: Uint8Array | undefined): boolean {
    return !this.reached && (rest !== undefined || (this.missing && !this.#finished));
  }

  /** Takes the next piece: whole events, or a part of one that is too large to be held. */
  see(events: Uint8Array): void {
    if (this.reached || events.length === 0) return;
    if (this.#untilClose) this.#finished ||= FINISH_REASON.test(decoder.decode(events));
    if (events.length > LOOKED_AT_BYTES && this.#begins && !this.#holdsWord(events)) {
      const last = events.at(-1);
      this.#lineStart = last === LF || last === CR;
      this.#afterCr = last === CR;
      return;
    }
    this.#seeLines(this.#afterCr || events.indexOf(CR) !== -1 ? this.#withLf(events) : events);
  }

  /** Whether the next byte begins an event. */
  get #begins(): boolean {
    return this.#lineStart && !this.#afterCr && !this.#done && this.#name === undefined &&
      this.#data === undefined;
  }

  /** Whether a word is there without which no event is the last. */
  #holdsWord(events: Uint8Array): boolean {
    const text = decoder.decode(events);
    return text.includes("[DONE]") || this.#names.some((name) => text.includes(name));
  }

  /** Takes what is left at the end of the stream. Of `[DONE]` nothing can be missing but its line end. */
  seeRest(rest: Uint8Array): void {
    this.see(rest);
    if (this.#done) this.reached = true;
  }

  /** Rare enough to be copied: each line end becomes LF. */
  #withLf(events: Uint8Array): Uint8Array {
    const text = decoder.decode(this.#afterCr && events[0] === LF ? events.subarray(1) : events);
    this.#afterCr = events.at(-1) === CR;
    return encoder.encode(text.replaceAll(/\r\n?/g, "\n"));
  }

  #seeLines(events: Uint8Array): void {
    for (let start = 0; start < events.length && !this.reached;) {
      if (events[start] === LF && this.#lineStart) {
        this.#seeEnd();
        start++;
        continue;
      }
      const end = events.indexOf(LF, start);
      if (this.#lineStart) this.#seeLine(events, start, end === -1 ? events.length : end);
      if (end === -1) {
        this.#lineStart = false;
        this.#data = undefined; // it goes on in a buffer of its own
        return;
      }
      this.#lineStart = true;
      start = end + 1;
    }
  }

  /** Takes a line's beginning; nearly always that is all of it. */
  #seeLine(events: Uint8Array, start: number, end: number): void {
    const first = events[start];
    if (first === D && startsWith(events, DATA, start)) {
      const value = behind(events, start + DATA.length);
      if (startsWith(events, DONE, value)) this.#done = true;
      else if (this.#names.length > 0) this.#data = events.subarray(value, end);
    } else if (first === E && startsWith(events, EVENT, start)) {
      const value = events.subarray(behind(events, start + EVENT.length), end);
      this.#name = decoder.decode(value).trimEnd();
    }
  }

  /** Takes a blank line: the event has passed. */
  #seeEnd(): void {
    if (this.#names.length === 0) {
      this.reached = this.#done;
      return;
    }
    this.reached = this.#done || this.#names.includes(this.#name ?? this.#typeOfData());
    this.#done = false;
    this.#name = undefined;
    this.#data = undefined;
  }

  /** The name of an event that has none but in its data, or empty. */
  #typeOfData(): string {
    const text = this.#data === undefined ? "" : decoder.decode(this.#data);
    if (!this.#names.some((name) => text.includes(name))) return "";
    try {
      const value: unknown = JSON.parse(text);
      return isObject(value) ? String(value["type"]) : "";
    } catch {
      return "";
    }
  }
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array, at: number): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}

/** Where a field's value begins: blanks before it are no part of what is looked for. */
function behind(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === SPACE) at++;
  return at;
}
