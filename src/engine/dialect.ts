import type { Endpoint } from "./endpoints.ts";

/** One call, as a dialect sees it. */
export interface EngineCall {
  readonly endpoint: Endpoint;
  /** From the `?` on, or empty. */
  readonly query: string;
  readonly body: Uint8Array;
}

/** What an engine is to be sent. */
export interface EngineRequest {
  /** Path and query, behind the backend's own prefix. */
  readonly target: string;
  readonly body: Uint8Array;
}

/**
 * How one kind of engine wants OpenAI's API. What is left out of it costs nothing: those that speak it as
 * it is have no `stream`.
 */
export interface Dialect {
  readonly name: string;
  prepare(call: EngineCall): EngineRequest;
  /**
   * Whether whole events, the first of a stream, mean that the engine has begun: the answer then goes to
   * the client, and nothing can be tried again.
   */
  begins(events: Uint8Array): boolean;
  /** Makes OpenAI's events of the engine's, piece by piece; one for each stream. */
  readonly stream?: () => (events: Uint8Array) => Uint8Array;
}
