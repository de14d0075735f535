import type { Flow } from "../flow.ts";
import type { Connection } from "./connection.ts";
import { ChunkedDecoder } from "./chunked_decoder.ts";
import type { Framing } from "./response_head.ts";
import { fromSocket, UpstreamError } from "./upstream_error.ts";

/**
 * The body of one answer, pulled piece by piece: what one read of the socket gave is one piece, so
 * that events which arrive together leave together. Nothing is read ahead of the consumer.
 */
export class ResponseBody {
  readonly #connection: Connection;
  readonly #chunked: ChunkedDecoder | undefined;
  /** Whether it ends with its connection, so that one that is cut short looks like a whole one. */
  readonly untilClose: boolean;
  readonly #flow: Flow | undefined;
  readonly #onEnd: (error: UpstreamError | undefined) => void;
  #left: number;
  /** Whether the body has ended well: no further piece will come. */
  done = false;
  #error: UpstreamError | undefined;

  constructor(
    connection: Connection,
    { framing, flow, onEnd }: {
      framing: Framing;
      flow?: Flow | undefined;
      /** Called once: with nothing when the body is complete, else with why it is not. */
      onEnd: (error: UpstreamError | undefined) => void;
    },
  ) {
    this.#connection = connection;
    this.#onEnd = onEnd;
    this.#flow = flow;
    this.#chunked = framing.kind === "chunked" ? new ChunkedDecoder() : undefined;
    this.untilClose = framing.kind === "until_close";
    this.#left = framing.kind === "length" ? framing.bytes : 0;
    if (framing.kind === "none" || (framing.kind === "length" && framing.bytes === 0)) this.#end();
  }

  /**
   * The next piece, never empty, or `undefined` after the last. Throws `UpstreamError` of phase
   * `body` if the connection ends before the body does.
   */
  async read(): Promise<Uint8Array | undefined> {
    const connection = this.#connection;
    if (this.#error !== undefined) throw this.#error;
    while (!this.done) {
      if (connection.start === connection.end && !await this.#fill()) {
        if (!this.untilClose) {
          throw this.#fail(
            new UpstreamError("closed", "the connection ended before the answer did", {
              phase: "body",
            }),
          );
        }
        this.#end();
        return undefined;
      }
      const piece = this.#take();
      if (piece !== undefined) return piece;
    }
    return undefined;
  }

  /** Whether what follows is known to be nonsense: the next `read` will throw. */
  get failed(): boolean {
    return this.#chunked?.failed ?? false;
  }

  /** Gives up on the rest: the connection is closed, a pending `read` fails. */
  cancel(): void {
    if (!this.done) {
      this.#fail(new UpstreamError("aborted", "the answer was given up", { phase: "body" }));
    }
  }

  #take(): Uint8Array | undefined {
    const connection = this.#connection;
    const { buffer, start, end } = connection;
    let until = end;
    if (this.#chunked !== undefined) {
      try {
        until = this.#chunked.decode(buffer, start, end);
      } catch (error) {
        throw this.#fail(error as UpstreamError);
      }
      connection.start = this.#chunked.consumed;
    } else {
      if (!this.untilClose) {
        until = Math.min(end, start + this.#left);
        this.#left -= until - start;
      }
      connection.start = until;
    }
    const piece = until > start ? buffer.slice(start, until) : undefined;
    if (piece !== undefined && this.#flow !== undefined) this.#flow.pieces++;
    if (this.#chunked === undefined ? !this.untilClose && this.#left === 0 : this.#chunked.done) {
      this.#end();
    }
    return piece;
  }

  async #fill(): Promise<boolean> {
    const flow = this.#flow;
    if (flow !== undefined) flow.pending++;
    try {
      return await this.#connection.fill();
    } catch (error) {
      throw this.#fail(fromSocket(error, "body"));
    } finally {
      if (flow !== undefined) flow.pending--;
    }
  }

  #end(): void {
    this.done = true;
    this.#onEnd(undefined);
  }

  /** The first failure stands: what a closed socket says after it is its consequence. */
  #fail(error: UpstreamError): UpstreamError {
    if (this.#error === undefined) {
      this.#error = error;
      this.#connection.close();
      this.#onEnd(error);
    }
    return this.#error;
  }
}
