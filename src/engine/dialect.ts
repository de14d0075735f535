import type { RouterError } from "../errors.ts";
import type { CacheType } from "../registry/backend.ts";
import type { Endpoint } from "./endpoints.ts";
import type { JsonObject } from "./json_object.ts";

/** One call, as a dialect sees it. */
export interface EngineCall {
  readonly endpoint: Endpoint;
  /** From the `?` on, or empty. */
  readonly query: string;
  readonly body: Uint8Array;
  /** The body, parsed; not to be asked of one that is dense. */
  readonly json: () => JsonObject;
  /** Whether it has so many values that parsing it would hold up everybody. */
  readonly dense?: boolean;
}

/** What the operator said of an engine. */
export interface EngineOptions {
  /** Whether what the engine would ignore is refused. */
  readonly strict: boolean;
  /** Tokens that a prompt and its answer may have; undefined if that is not known. */
  readonly maxContext: number | undefined;
  readonly cacheType: CacheType | undefined;
  /** Whether whole answers are asked for as streams, and joined here. */
  readonly streamUpstream: boolean;
}

/** What an engine is to be sent, and how its answer is read. */
export interface Prepared {
  /** Path and query, behind the backend's own prefix. */
  readonly target: string;
  readonly body: Uint8Array;
  /** Parameters that the engine will not look at. */
  readonly ignored?: readonly string[];
  /** Left out: the answer is OpenAI's as it is. */
  readonly reading?: Reading;
}

/** How the answer to one call is read, and made OpenAI's. */
export interface Reading {
  /**
   * Takes the first whole events of a stream, before any goes to the client and nothing can be tried again. Throws
   * `RouterError` if they say that there will be no answer.
   */
  begin(events: Uint8Array): void;
  /** Makes OpenAI's events of the engine's, piece by piece. */
  events(events: Uint8Array): Uint8Array;
  /** Why the engine gave up behind what `events` last gave. */
  readonly failure: RouterError | undefined;
  /** Makes OpenAI's answer of a whole one that is JSON. Throws `RouterError` if it says that there is none. */
  whole(status: number, body: Uint8Array): Uint8Array;
  /** There if the client asked for no stream, though the engine is asked for one. */
  readonly joined?: Joined;
}

/** A whole answer made of the events that a reading has seen. */
export interface Joined {
  /** Characters of text so far. */
  readonly size: number;
  /** Whether the engine has said that it has come to its end. */
  readonly finished: boolean;
  make(): Uint8Array;
}

/** How one kind of engine wants OpenAI's API. */
export interface Dialect {
  /** Why such an engine cannot have a call; left out, it can have all. */
  readonly refusal?: (call: EngineCall, options: EngineOptions) => RouterError | undefined;
  /** Whether a call may have one prompt alone. */
  readonly onePrompt?: boolean;
  prepare(call: EngineCall, options: EngineOptions): Prepared;
  /**
   * The shortest call by which an engine shows that it still generates, which its health page need not know. Two
   * tokens: InfiniLM drops the last one's text, and one alone would be nothing.
   */
  sign(model: string): Pick<Prepared, "target" | "body">;
}

/** The body of such a call. */
export function signBody(model: string): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ model, prompt: "1", max_tokens: 2 }));
}
