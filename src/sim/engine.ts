import type { FaultName } from "./behavior.ts";
import type { HttpReply } from "./http_reply.ts";

/** A request as the engine sees it, with what is to go wrong. */
export interface EngineCall {
  method: string;
  /** What was asked for, as it came. */
  target: string;
  /** The path without its query. */
  path: string;
  headers: Record<string, string>;
  body: string;
  /** The body as it came. */
  bytes: Uint8Array;
  fault: FaultName;
  /** Tokens before a fault in mid-stream. */
  after: number;
  /** Told how many tokens of the prompt were computed, by an engine with a prefix cache. */
  computed?(promptTokens: number): void;
}

/** How an answer ended, if nobody left. */
export type EngineEnd = "completed" | "fault";

/** An engine itself: what is answered to which request, and when. It knows nothing of sockets. */
export interface Engine {
  /** Calls that wait for their turn. */
  readonly waiting: number;
  /** Steps computed, by an engine that works in steps; else 0. */
  readonly steps: number;
  /** Whether it works; one that has died does so again only after `restart()`. */
  readonly healthy: boolean;
  /** Answers one request. Rejects with the reply's signal's reason once nobody waits for it. */
  answer(call: EngineCall, reply: HttpReply): Promise<EngineEnd>;
  /** A fault is in force from now on. */
  setFault(fault: FaultName): void;
  /** Begins anew, with nothing of what was. */
  restart(): void;
  /** Computes nothing more. */
  stop(): void;
}
