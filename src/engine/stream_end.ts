import type { Endpoint } from "./endpoints.ts";

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
const FINISH_REASON = /"finish_reason"\s*:\s*"/;

const decoder = new TextDecoder();

/**
 * Reads along a stream of whole events and knows whether the one behind which nothing is missing has come:
 * `[DONE]` (OpenAI's API reference, streaming), or what the endpoint has in its place. Such a stream is
 * whole, whatever its connection does next.
 */
export class StreamEnd {
  /** Whether that event has come. */
  reached = false;
  /** Whether a choice has ended; asked only of a stream whose framing does not tell its end. */
  #finished = false;
  readonly #names: readonly string[] | undefined;
  readonly #untilClose: boolean;
  /** Whether events have names; if not, their data has. */
  #named = false;

  constructor(
    { lastEvents }: Pick<Endpoint, "lastEvents">,
    { untilClose = false }: { untilClose?: boolean } = {},
  ) {
    this.#names = lastEvents;
    this.#untilClose = untilClose;
  }

  /** Whether that event is known to be still to come. */
  get missing(): boolean {
    return this.#names !== undefined && !this.reached;
  }

  /**
   * Whether a stream that ended with its connection is not whole, by what is in it. `rest` is an event that
   * was not ended.
   */
  isCutShort(rest: Uint8Array | undefined): boolean {
    return !this.reached && (rest !== undefined || (this.missing && !this.#finished));
  }

  /** Takes the next events. */
  see(events: Uint8Array): void {
    if (this.reached) return;
    if (this.#untilClose) this.#finished ||= FINISH_REASON.test(decoder.decode(events));
    const lineEnd = events.indexOf(LF) === -1 ? CR : LF;
    for (let start = 0; start < events.length;) {
      if (this.#isLast(events, start, lineEnd)) {
        this.reached = true;
        return;
      }
      const end = events.indexOf(lineEnd, start);
      if (end === -1) return;
      start = end + 1;
    }
  }

  /** Whether the line that begins there is the last event's, or says its name. */
  #isLast(events: Uint8Array, start: number, lineEnd: number): boolean {
    const first = events[start];
    if (first === D && startsWith(events, DATA, start)) {
      const value = behind(events, start + DATA.length);
      if (startsWith(events, DONE, value)) return true;
      return this.#names?.length! > 0 && !this.#named &&
        this.#saysName(line(events, value, lineEnd));
    }
    if (first === E && this.#names?.length! > 0 && startsWith(events, EVENT, start)) {
      this.#named = true;
      const name = line(events, behind(events, start + EVENT.length), lineEnd);
      return this.#names!.includes(name);
    }
    return false;
  }

  /** Whether data has the name as its `type`. Within a string the quotes would be escaped. */
  #saysName(data: string): boolean {
    return this.#names!.some((name) => data.includes(`"type":"${name}"`)) ||
      this.#names!.some((name) => data.includes(`"type": "${name}"`));
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

/** From there to the end of the line, without blanks at its end. */
function line(bytes: Uint8Array, from: number, lineEnd: number): string {
  const end = bytes.indexOf(lineEnd, from);
  return decoder.decode(bytes.subarray(from, end === -1 ? bytes.length : end)).trimEnd();
}
