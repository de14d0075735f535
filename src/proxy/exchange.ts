import type { OpenCall } from "../admission/open_calls.ts";
import type { ErrorCode, RouterError } from "../errors.ts";
import type { Outcome } from "../outcome.ts";
import type { RequestRecord } from "../observe/request_record.ts";
import type { ExchangeFacts } from "../registry/gate.ts";
import type { Lease } from "../registry/lease.ts";
import { Cutoff, isClients } from "./cutoff.ts";
import { Deadlines } from "./deadlines.ts";
import { Hold } from "../admission/held_bytes.ts";
import type { House } from "./house.ts";
import type { Peer } from "./peer.ts";

/** How calls ended that were never tried. */
const UNTRIED: ReadonlyMap<ErrorCode, Outcome> = new Map([
  ["request_timeout", { kind: "timed_out", phase: "upload" }],
  ["client_closed", { kind: "client_left", phase: "upload" }],
  ["queue_timeout", { kind: "timed_out", phase: "queue" }],
]);

/**
 * What one call holds open from its arrival until its end, and must give back exactly once: the
 * watch on the client, the deadlines, the bytes of its body, the lease and the record.
 */
export class Exchange implements OpenCall {
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
    house.openCalls.begin(this);
    this.deadlines = new Deadlines(this.cutoff, {
      timeouts: house.config.timeouts,
      requestTimer: house.requestTimer,
      now: house.now,
      startedAt: this.#startedAt,
    });
    peer.onLeft(this.#onClientLeft);
    if (peer.left) this.#onClientLeft();
  }

  /** Seconds from the call's arrival until then, on the house's clock. */
  elapsed(at: number): number {
    return (at - this.#startedAt) / 1000;
  }

  /** Ends the call, whatever it is at: a stream with an error event and a cut. */
  shutDown(): void {
    this.cutoff.cut("shutdown");
  }

  /** A monotonic clock, milliseconds. */
  now(): number {
    return this.#house.now();
  }

  /** The answer's first byte is here, since then on the house's clock. */
  begun(at: number = this.now()): void {
    this.lease?.begin(at); // of a stream that has heard of us before, or begun already
    this.record.timeToFirstByte = this.elapsed(at);
  }

  /** Ends a call that has no answer but this error; an outcome is what its last attempt had. */
  fail({ status, code }: RouterError): void {
    if (!this.#ended) this.record.status = status;
    // Of several at once the others were given up for the one that failed.
    const left = isClients(this.cutoff.cause);
    const last = this.record.attempts.findLast(({ outcome }) =>
      left || outcome?.kind !== "client_left"
    )?.outcome;
    const { outcome: met = last ?? UNTRIED.get(code) } = this.record;
    const outcome: Outcome | undefined = this.lease === undefined ? met : { kind: "router_failed" };
    this.end(outcome, { code });
    this.cutoff.cut("abandoned"); // closes what an answer that nobody will carry over still holds
  }

  /** Ends a call whose answer met a defect of ours. */
  failedBy(defect: unknown): void {
    const { requestId } = this.record;
    this.#house.log.error("internal error", { request_id: requestId, error: defect });
    this.end({ kind: "router_failed" }, { code: "internal" });
  }

  /** Ends the call: everything it held is given back and it is told. Later calls do nothing. */
  end(
    outcome: Outcome | undefined,
    { code, facts }: { code?: string; facts?: ExchangeFacts } = {},
  ): void {
    if (this.#ended) return;
    this.#ended = true;
    this.deadlines.clear();
    this.peer.offLeft(this.#onClientLeft);
    this.hold.release();
    const { record } = this;
    const at = this.#house.now();
    if (outcome !== undefined) {
      this.lease?.settle(outcome, { facts, at });
      record.outcome = outcome;
      if (record.answered !== undefined) record.answered.outcome ??= outcome;
      if (outcome.kind === "client_left") record.status = 499;
    }
    if (code !== undefined) record.code = code;
    record.duration = this.elapsed(at);
    this.#house.openCalls.end(this);
    for (const sink of this.#house.sinks) sink(record);
  }
}
