import type { FaultName } from "./behavior.ts";
import type { EngineCall, EngineEnd } from "./engine.ts";
import type { HttpReply, WholeReply } from "./http_reply.ts";
import { stall } from "./pace.ts";

/** How long `/health` takes under the fault `slow_health`. */
export const SLOW_HEALTH_MS = 10_000;

const ERRORS: Partial<Record<FaultName, { status: number; message: string; type: string }>> = {
  error_500: { status: 500, message: "Simulated failure", type: "server_error" },
  error_503: { status: 503, message: "Simulated overload", type: "server_error" },
  error_429: { status: 429, message: "Simulated rate limit", type: "rate_limit_error" },
};

/**
 * The faults that need no look at the body; undefined = the call goes on. `body` puts an error into
 * the engine's form.
 */
export async function failEarly(
  call: EngineCall,
  to: { reply: HttpReply; body: (message: string, type: string) => string },
): Promise<EngineEnd | undefined> {
  const { reply } = to;
  if (call.fault === "stall_before_head") return await stall(reply.signal);
  if (call.fault === "reset") await reply.reset();
  else if (call.fault === "close") reply.cut();
  else {
    const error = ERRORS[call.fault];
    if (error === undefined) return undefined;
    const { status, message, type } = error;
    const headers: Record<string, string> = status === 500 ? {} : { "retry-after": "1" };
    await reply.whole({ status, headers, body: to.body(message, type) });
  }
  return "fault";
}

/** Sends a JSON answer, or as much of it as the fault leaves. */
export async function sendWhole(
  call: EngineCall,
  { reply, answer }: { reply: HttpReply; answer: WholeReply },
): Promise<EngineEnd> {
  if (call.fault === "stall_after_head") {
    await reply.whole({ ...answer, bytes: () => 0 });
    return await stall(reply.signal);
  }
  if (breaksMidStream(call)) {
    await reply.whole({ ...answer, bytes: (announced) => Math.floor(announced / 2) });
    return await breakOff(call, reply);
  }
  await reply.whole(answer);
  return "completed";
}

/** Whether the answer is to break off after some tokens. */
export function breaksMidStream({ fault }: EngineCall): boolean {
  return fault === "die_mid_stream" || fault === "stall_mid_stream";
}

/** Ends an answer that has begun, as the fault says. */
export async function breakOff(call: EngineCall, reply: HttpReply): Promise<EngineEnd> {
  if (call.fault === "stall_mid_stream") return await stall(reply.signal);
  reply.cut();
  return "fault";
}
