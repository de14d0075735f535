import type { Random } from "./random.ts";

/**
 * What can be made to go wrong, each with its meaning in one line. Only POST calls are hit, but for
 * `refuse` (everything) and the two that are about `/health`.
 */
export const FAULTS = [
  { name: "none", meaning: "everything works" },
  { name: "refuse", meaning: "new connections are refused and idle ones closed" },
  { name: "reset", meaning: "a call's connection is reset (RST) before any byte of the answer" },
  { name: "close", meaning: "a call's connection is closed (FIN) before any byte of the answer" },
  { name: "stall_before_head", meaning: "a call is read and never answered" },
  { name: "stall_after_head", meaning: "a call gets its 200 head, then nothing" },
  { name: "die_mid_stream", meaning: "the connection closes after a few tokens, or half a body" },
  { name: "stall_mid_stream", meaning: "nothing more comes after a few tokens, or half a body" },
  { name: "error_500", meaning: "calls get a 500" },
  { name: "error_503", meaning: "calls get a 503 with retry-after: 1" },
  { name: "error_429", meaning: "calls get a 429 with retry-after: 1" },
  { name: "fail_health", meaning: "GET /health gets a 503, everything else works" },
  { name: "slow_health", meaning: "GET /health takes 10 s, everything else works" },
] as const;

/** What goes wrong with an InfiniLM as a whole, whatever `rate` says. */
export const INFINILM_FAULTS = [
  {
    name: "dead_engine",
    meaning: "the step thread has ended: /health gets a 503, calls hang for ever",
  },
  {
    name: "hung_step",
    meaning: "a step does not end while this lasts: /health works, calls are silent",
  },
  {
    name: "out_of_memory",
    meaning: "the process is gone: every connection closes, new ones are refused",
  },
] as const;

/** The name of a fault. */
export type FaultName =
  | (typeof FAULTS)[number]["name"]
  | (typeof INFINILM_FAULTS)[number]["name"];

/** How often a fault strikes, and when. */
export interface FaultOptions {
  /** Share of the calls that are hit, 0 to 1. Default 1: every call. */
  rate?: number;
  /** Tokens sent before a fault in mid-stream. Default 3. */
  after?: number;
}

/** Which calls go wrong, and how; changed at run time, drawn once per call. */
export class Behavior {
  readonly #random: Random;
  #fault: FaultName = "none";
  #rate = 1;
  #after = 3;

  /** `random` decides which calls are hit when the rate is below 1. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** The fault in force, whether or not it strikes the next call. */
  get fault(): FaultName {
    return this.#fault;
  }

  /** Tokens sent before a fault in mid-stream. */
  get after(): number {
    return this.#after;
  }

  /** Puts a fault in force for the calls that come from now on. */
  set(fault: FaultName, options: FaultOptions = {}): void {
    this.#fault = fault;
    this.#rate = options.rate ?? 1;
    this.#after = options.after ?? 3;
  }

  /** The fault that strikes the next call, often `none`. */
  draw(): FaultName {
    if (this.#fault === "none" || this.#rate >= 1) return this.#fault;
    return this.#random() < this.#rate ? this.#fault : "none";
  }
}
