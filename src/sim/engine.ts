import type { FaultName } from "./behavior.ts";
import type { HttpReply } from "./http_reply.ts";

/** A request as the engine sees it, with what is to go wrong. */
export interface EngineCall {
  method: string;
  /** The path without its query. */
  path: string;
  headers: Record<string, string>;
  body: string;
  fault: FaultName;
  /** Tokens before a fault in mid-stream. */
  after: number;
}

/** How an answer ended, if nobody left. */
export type EngineEnd = "completed" | "fault";

/** An engine itself: what is answered to which request, and when. It knows nothing of sockets. */
export interface Engine {
  /** Calls that wait for their turn. */
  readonly waiting: number;
  /** Answers one request. Rejects with the reply's signal's reason once nobody waits for it. */
  answer(call: EngineCall, reply: HttpReply): Promise<EngineEnd>;
}
