import { concat } from "../../src/concat.ts";
import { cpuMicros } from "./proc.ts";
import { AnswerReader } from "./reader.ts";
import { quantile } from "./statistics.ts";
import { ANSWER, encodeCall, writeAll } from "./wire.ts";

export interface CallsOrder {
  readonly port: number;
  /** Each has one call open at a time, and begins the next when it has its answer. */
  readonly connections: number;
  readonly seconds: number;
  /** Head and body in two writes, as most clients send them. */
  readonly twoWrites: boolean;
  /** The size of a request's body, bytes; left out, 130. */
  readonly prompt?: number;
  /** Calls per second of all connections together, at an even pace; left out, as many as go. */
  readonly rate?: number;
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

/** A process that has idled while others were measured pays for that at first. */
const WARM_UP_MS = 400;

/** Makes calls for a while. Throws if one answer is not the backend's. */
export async function loadCalls(order: CallsOrder): Promise<CallsResult> {
  const { port, connections, seconds, twoWrites, prompt, rate, pid } = order;
  const paceMs = rate === undefined ? 0 : 1000 * connections / rate;
  const { head, body } = encodeCall(prompt === undefined ? {} : { prompt });
  const writes = twoWrites ? [head, body] : [concat([head, body])];
  const sockets = await Promise.all(
    Array.from({ length: connections }, () => Deno.connect({ hostname: "127.0.0.1", port })),
  );
  const delays: number[] = [];
  try {
    const callAll = async (ms: number, delays: number[]): Promise<void> => {
      const until = performance.now() + ms;
      await Promise.all(
        sockets.map((socket) => callUntil(socket, { until, writes, delays, paceMs })),
      );
    };
    await callAll(WARM_UP_MS, []);
    const cpu = pid === undefined ? NaN : cpuMicros(pid);
    const startedAt = performance.now();
    await callAll(seconds * 1000, delays);
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
  { until, writes, delays, paceMs }: {
    until: number;
    writes: readonly Uint8Array[];
    delays: number[];
    paceMs: number;
  },
): Promise<void> {
  socket.setNoDelay();
  const reader = new AnswerReader(socket);
  for (let begun = performance.now(); begun < until;) {
    for (const bytes of writes) await writeAll(socket, bytes);
    await checkAnswer(reader);
    const now = performance.now();
    delays.push(now - begun);
    const wait = begun + paceMs - now;
    if (wait > 0) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      begun = performance.now();
    } else begun = now;
  }
}

/** Throws if the next answer is not the backend's: its status, its length, both ends. */
async function checkAnswer(reader: AnswerReader): Promise<void> {
  const status = await reader.head();
  let length = 0;
  let first: number | undefined;
  let last: number | undefined;
  await reader.body((data) => {
    first ??= data[0];
    last = data[data.length - 1];
    length += data.length;
  });
  if (status !== 200 || length !== ANSWER.length || first !== 123 || last !== 125) {
    throw new Error(`status ${status} with ${length} bytes instead of the backend's answer`);
  }
}
