import { StreamEnd } from "../engine/stream_end.ts";
import type { Ended } from "../observe/request_record.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import type { Answer } from "./answer.ts";
import type { JsonEnd } from "./json_end.ts";
import { cutShort } from "./cut_short.ts";

/** Reads along a body, and knows by what is in it whether its end has come. */
export type BodyEnd = StreamEnd | JsonEnd;

/**
 * How long a body that is whole may take to end, milliseconds: time for what else may come behind the last
 * event, and for an end that lets its connection be used again.
 */
export const GRACE_MS = 500;

export interface PiecesOptions {
  /** Undefined if nothing in such a body tells its end. */
  end: BodyEnd | undefined;
  /** Gives the event that was not ended, once there are no more pieces. */
  rest: () => Uint8Array | undefined;
}

/** The rest of an answer's body, piece by piece, up to an end that is judged here. */
export class Pieces {
  readonly #answer: Answer;
  readonly #options: PiecesOptions;
  #broke: UpstreamError | undefined;

  constructor(answer: Answer, options: PiecesOptions) {
    this.#answer = answer;
    this.#options = options;
  }

  /**
   * The next piece; undefined behind the last. A body whose end has come ends well, however its connection
   * ends. Throws `UpstreamError` at the end of any other that is not whole.
   */
  async next(): Promise<Uint8Array | undefined> {
    let broke: unknown;
    try {
      const piece = await this.#answer.body.read();
      if (piece !== undefined) return piece;
    } catch (error) {
      broke = error;
    }
    return this.last(broke);
  }

  /** The same, for who has read by itself, and found no more or what broke the body: one promise less. */
  last(broke: unknown): Uint8Array | undefined {
    const { body } = this.#answer;
    const { end } = this.#options;
    if (broke instanceof UpstreamError) this.#broke = broke;
    else if (broke !== undefined) throw broke;
    const rest = this.#options.rest();
    if (this.#broke !== undefined && end?.reached) return undefined; // half an event behind the last
    if (rest !== undefined) end?.seeRest(rest);
    if (this.#broke !== undefined && !end?.reached) throw this.#broke;
    if (body.untilClose && end?.isCutShort(rest)) throw cutShort();
    return rest;
  }

  /** What the end lacked. */
  get ended(): Ended | undefined {
    if (this.#broke === undefined) return lackOf(this.#answer, this.#options.end);
    return this.#broke.kind === "aborted" ? "open_after_done" : "broken_after_done";
  }
}

/** What the end of a body lacked that did not break. */
export function lackOf({ body }: Answer, end: BodyEnd | undefined): Ended | undefined {
  if (end instanceof StreamEnd && end.missing) return "no_done";
  return body.untilClose && !end?.reached ? "by_close" : undefined;
}
