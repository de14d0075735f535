import { cpuMicros } from "./proc.ts";
import { AnswerReader } from "./reader.ts";
import { quantile } from "./statistics.ts";
import { clock, DONE, encodeCall, EVENT_BYTES, readEvent, type StreamOrder } from "./wire.ts";

export interface StreamsOrder {
  readonly port: number;
  /** How many at the same time, begun one after another over the first second. */
  readonly streams: number;
  /** Events per second of each. */
  readonly rate: number;
  /** How long is measured while all of them run, seconds. */
  readonly seconds: number;
  /** The process whose processor time is counted. */
  readonly pid?: number;
}

export interface StreamsResult {
  /** Events that came while it was measured. */
  readonly events: number;
  /** Processor time of `pid` per event, microseconds; NaN without one. */
  readonly cpuPerEvent: number;
  /** From the backend's write of an event to our read of it, milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** From a call's first write to its first event, milliseconds. */
  readonly firstP50: number;
  readonly firstP99: number;
}

/** Between the moment when all streams run and the first one measured, and at the end, seconds. */
const MARGIN_S = 0.2;

/** Holds paced streams open and times their events. Throws if one is missing. */
export async function loadStreams(order: StreamsOrder): Promise<StreamsResult> {
  const { port, streams, rate, seconds, pid } = order;
  const events = Math.ceil((1 + seconds + 2 * MARGIN_S) * rate);
  const delays: number[] = [];
  const firsts: number[] = [];
  let measuring = false;
  const all = Promise.all(Array.from({ length: streams }, async (_, i) => {
    await sleep(i / streams);
    await readStream(port, { events, rate }, {
      first: (delay) => firsts.push(delay),
      event: (delay) => measuring && delays.push(delay),
    });
  }));
  const measured = (async (): Promise<number> => {
    await sleep(1 + MARGIN_S);
    const cpu = pid === undefined ? NaN : cpuMicros(pid);
    measuring = true;
    await sleep(seconds);
    measuring = false;
    return pid === undefined ? NaN : cpuMicros(pid) - cpu;
  })();
  const [used] = await Promise.all([measured, all]);
  return {
    events: delays.length,
    cpuPerEvent: used / delays.length,
    p50: quantile(delays, 0.5),
    p99: quantile(delays, 0.99),
    firstP50: quantile(firsts, 0.5),
    firstP99: quantile(firsts, 0.99),
  };
}

export interface FloodOrder {
  readonly port: number;
  readonly streams: number;
  /** Events of each stream. */
  readonly events: number;
  readonly pid?: number;
}

export interface FloodResult {
  readonly events: number;
  readonly perSecond: number;
  /** Microseconds; NaN without a process. */
  readonly cpuPerEvent: number;
}

/** Takes streams as fast as they come. Throws if an event is missing. */
export async function loadFlood(order: FloodOrder): Promise<FloodResult> {
  const { port, streams, events, pid } = order;
  const cpu = pid === undefined ? NaN : cpuMicros(pid);
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: streams }, () => readStream(port, { events, rate: 0 }, {})),
  );
  const total = streams * events;
  return {
    events: total,
    perSecond: total / (performance.now() - startedAt) * 1000,
    cpuPerEvent: pid === undefined ? NaN : (cpuMicros(pid) - cpu) / total,
  };
}

interface Watch {
  /** Milliseconds from the first write to the first event. */
  readonly first?: (delay: number) => unknown;
  /** Milliseconds from the backend's write to our read; left out, events are counted only. */
  readonly event?: (delay: number) => unknown;
}

async function readStream(port: number, order: StreamOrder, watch: Watch): Promise<void> {
  using socket = await Deno.connect({ hostname: "127.0.0.1", port });
  socket.setNoDelay();
  const { head, body } = encodeCall({ order });
  const begun = performance.now();
  await socket.write(head);
  await socket.write(body);
  const reader = new AnswerReader(socket);
  const status = await reader.head();
  if (status !== 200) throw new Error(`status ${status} instead of a stream`);
  const seen = new EventWatch(watch, begun);
  await reader.body((data) => seen.take(data));
  const wanted = order.events * EVENT_BYTES + DONE.length;
  if (seen.bytes !== wanted) throw new Error(`${seen.bytes} bytes came instead of ${wanted}`);
}

/** Finds the events in what one stream brings. All have one size, which makes that cheap. */
class EventWatch {
  readonly #watch: Watch;
  readonly #begun: number;
  readonly #event = new Uint8Array(EVENT_BYTES);
  #number = 0;
  bytes = 0;

  constructor(watch: Watch, begun: number) {
    this.#watch = watch;
    this.#begun = begun;
  }

  take(data: Uint8Array): void {
    if (this.bytes === 0) this.#watch.first?.(performance.now() - this.#begun);
    const { event } = this.#watch;
    if (event === undefined) {
      this.bytes += data.length;
      return;
    }
    const now = clock();
    for (let at = 0; at < data.length;) {
      const filled = this.bytes % EVENT_BYTES;
      const piece = data.subarray(at, at + EVENT_BYTES - filled);
      this.#event.set(piece, filled);
      this.bytes += piece.length;
      at += piece.length;
      if (filled + piece.length === EVENT_BYTES) {
        event(now - readEvent(this.#event, 0, this.#number++));
      }
    }
  }
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
