import { cpuMicros } from "./proc.ts";
import { AnswerReader } from "./reader.ts";
import { quantile } from "./statistics.ts";
import { ANSWER, encodeCall } from "./wire.ts";

export interface CallsOrder {
  readonly port: number;
  /** Each has one call open at a time, and begins the next when it has its answer. */
  readonly connections: number;
  readonly seconds: number;
  /** Head and body in two writes, as most clients send them. */
  readonly twoWrites: boolean;
  /** The process whose processor time is counted. */
  readonly pid?: number;
}

export interface CallsResult {
  readonly calls: number;
  readonly perSecond: number;
  /** Processor time of `pid` per call, microseconds; NaN without one. */
  readonly cpuPerCall: number;
  /** The share of one core that `pid` used. */
  readonly busy: number;
  /** From a call's first write to its whole answer, milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Makes small calls for a while. Throws if one answer is not the backend's. */
export async function loadCalls(order: CallsOrder): Promise<CallsResult> {
  const { port, connections, seconds, pid } = order;
  const sockets = await Promise.all(
    Array.from({ length: connections }, () => Deno.connect({ hostname: "127.0.0.1", port })),
  );
  const delays: number[] = [];
  try {
    const cpu = pid === undefined ? NaN : cpuMicros(pid);
    const startedAt = performance.now();
    const until = startedAt + seconds * 1000;
    await Promise.all(sockets.map((socket) => callUntil(socket, { ...order, until, delays })));
    const elapsed = (performance.now() - startedAt) / 1000;
    const used = pid === undefined ? NaN : cpuMicros(pid) - cpu;
    return {
      calls: delays.length,
      perSecond: delays.length / elapsed,
      cpuPerCall: used / delays.length,
      busy: used / elapsed / 1e6,
      p50: quantile(delays, 0.5),
      p99: quantile(delays, 0.99),
    };
  } finally {
    for (const socket of sockets) socket.close();
  }
}

async function callUntil(
  socket: Deno.TcpConn,
  { until, delays, twoWrites }: CallsOrder & { until: number; delays: number[] },
): Promise<void> {
  socket.setNoDelay();
  const { head, body } = encodeCall();
  const both = new Uint8Array([...head, ...body]);
  const reader = new AnswerReader(socket);
  for (let begun = performance.now(); begun < until;) {
    if (twoWrites) {
      await socket.write(head);
      await socket.write(body);
    } else await socket.write(both);
    const { status, length } = await reader.head();
    if (status !== 200 || length !== ANSWER.length) {
      throw new Error(`status ${status} with ${length} bytes instead of the backend's answer`);
    }
    const text = await reader.whole(length);
    if (text[0] !== 123 || text[length - 1] !== 125) throw new Error("not the backend's answer");
    const now = performance.now();
    delays.push(now - begun);
    begun = now;
  }
}
