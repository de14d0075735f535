import type { ErrorCode } from "../errors.ts";
import type { Outcome } from "../outcome.ts";
import { logRecord, type RequestRecord } from "../observe/request_record.ts";
import type { Lease } from "../registry/lease.ts";
import { Cutoff } from "./cutoff.ts";
import { Deadlines } from "./deadlines.ts";
import { Hold } from "./held_bytes.ts";
import type { House } from "./house.ts";
import type { Peer } from "./peer.ts";

/**
 * What one call holds open from its arrival until its end, and must give back exactly once: the
 * watch on the client, the deadlines, the bytes of its body, the lease and the line in the log.
 */
export class Exchange {
  readonly cutoff = new Cutoff();
  readonly deadlines: Deadlines;
  readonly record: RequestRecord;
  readonly peer: Peer;
  /** What its body occupies. */
  readonly hold: Hold;
  lease: Lease | undefined;
  readonly #house: House;
  readonly #startedAt: number;
  readonly #onClientLeft = (): void => this.cutoff.cut("client_left");
  #ended = false;

  constructor(record: RequestRecord, { house, peer }: { house: House; peer: Peer }) {
    this.record = record;
    this.peer = peer;
    this.#house = house;
    this.#startedAt = house.now();
    this.hold = new Hold(house.heldBytes);
    house.openCalls.begin();
    this.deadlines = new Deadlines(this.cutoff, {
      timeouts: house.config.timeouts,
      requestTimer: house.requestTimer,
      now: house.now,
    });
    peer.onLeft(this.#onClientLeft);
    if (peer.left) this.#onClientLeft();
  }

  /** Seconds since the call arrived. */
  get elapsed(): number {
    return (this.#house.now() - this.#startedAt) / 1000;
  }

  /** Ends the call: everything it held is given back and it is logged. Later calls do nothing. */
  end(outcome: Outcome | undefined, code?: ErrorCode): void {
    if (this.#ended) return;
    this.#ended = true;
    this.deadlines.clear();
    this.peer.offLeft(this.#onClientLeft);
    this.hold.release();
    const { record } = this;
    this.lease?.settle(outcome ?? { kind: "router_failed" });
    if (outcome !== undefined) record.outcome = outcome;
    if (code !== undefined) record.code = code;
    if (outcome?.kind === "client_left") record.status = 499;
    record.duration = this.elapsed;
    logRecord(this.#house.log, record);
    this.#house.openCalls.end();
  }
}
