import { SignalPeer } from "../../../src/door/signal_peer.ts";
import { beginRecord, type RequestRecord } from "../../../src/observe/request_record.ts";
import { Exchange } from "../../../src/proxy/exchange.ts";
import { HeldBytes } from "../../../src/admission/held_bytes.ts";
import type { House } from "../../../src/proxy/house.ts";
import { OpenCalls } from "../../../src/admission/open_calls.ts";
import { SharedTimer } from "../../../src/proxy/shared_timer.ts";
import { Lease } from "../../../src/registry/lease.ts";
import { newBackend, type TestBackend } from "../../contract/backends.ts";

export interface Begun extends Disposable {
  exchange: Exchange;
  backend: TestBackend;
  lease: Lease;
  told: RequestRecord[];
  house: House;
  /** What the log has of errors. */
  errors: string[];
}

/** A call whose first attempt broke, and which has a place on another backend. */
export function begin(): Begun {
  const told: RequestRecord[] = [];
  const errors: string[] = [];
  const requestTimer = new SharedTimer(1000, Date.now);
  const house = {
    config: { timeouts: { idleMs: 1000, totalMs: null, clientStallMs: 1000 } },
    sinks: [(record: RequestRecord) => void told.push(record)],
    requestTimer,
    openCalls: new OpenCalls(10),
    heldBytes: new HeldBytes(1000),
    now: Date.now,
    log: { error: (message: string) => void errors.push(message) },
  } as unknown as House;
  const record = beginRecord({ requestId: "r", method: "POST", client: "c" });
  record.attempts.push({
    backend: "before",
    why: "",
    duration: 0,
    outcome: { kind: "broke", phase: "head" },
    next: "once",
  });
  const peer = new SignalPeer("c", new AbortController().signal);
  const exchange = new Exchange(record, { house, peer });
  const backend = newBackend("a");
  const lease = new Lease({ backend, why: "" }, { now: () => 0 });
  return {
    exchange,
    backend,
    lease,
    told,
    house,
    errors,
    [Symbol.dispose]: () => requestTimer.stop(),
  };
}
