import { RouterError } from "../errors.ts";
import { RecentCount } from "../recent_count.ts";
import type { Lease } from "../registry/lease.ts";
import type { Registry, Shortage } from "../registry/registry.ts";
import { Line, type Ticket } from "./line.ts";

export interface QueueSettings {
  /** Calls that may wait for each model. 0: none does. */
  size: number;
  /** How long each may, milliseconds. */
  timeoutMs: number;
}

export interface QueueOptions extends QueueSettings {
  registry: Pick<Registry, "onChange" | "hasRoom">;
  /** A monotonic clock, milliseconds. */
  now: () => number;
}

/** A call that wants a place. */
export interface Applicant {
  readonly model: string;
  /** Who is to have as many turns as any other who waits: an API key, or else an address. */
  readonly caller: () => string;
  /** Whether it has had a place and lost it: it goes before all others, however many wait. */
  readonly returning: boolean;
  /** Looks for a place, and takes it. */
  readonly acquire: () => Lease | Shortage;
  /** What ends its waiting from outside. */
  readonly stop: {
    readonly stopped: boolean;
    on(listener: () => void): void;
    off(listener: () => void): void;
  };
}

/** What came of applying: a place, why there can be none, or nothing, as it was stopped. */
export type Placed = Lease | Shortage | undefined;

/** Some room comes with time alone, an ejection's end for one: so often it is looked for while somebody waits. */
const LOOK_MS = 100;

/** Over how many seconds the drain rate is taken. */
const RATE_SECONDS = 30;

/** What `retry-after` says at least and at most, seconds. */
const LEAST_RETRY = 1;
const MOST_RETRY = 60;

/**
 * Where calls wait while every backend of their model is full: by model, in the order of a round of callers, first
 * come first served within one. A place that frees up goes to who waits in the same tick, never to a newcomer.
 */
export class Queue {
  readonly #options: QueueOptions;
  readonly #models = new Map<string, ModelQueue>();

  constructor(options: QueueOptions) {
    this.#options = { ...options };
  }

  /** Takes other settings for those who come from now on. */
  configure({ size, timeoutMs }: QueueSettings): void {
    Object.assign(this.#options, { size, timeoutMs });
  }

  /** How many calls wait, by model. */
  get waiting(): ReadonlyMap<string, number> {
    return new Map([...this.#models].map(([model, { length }]) => [model, length]));
  }

  /**
   * A place at once if there is one and nobody to go before, else a promise of what will come of waiting. That
   * rejects with `RouterError`: `queue_full`, `queue_timeout`.
   */
  apply(applicant: Applicant): Placed | Promise<Placed> {
    const { size } = this.#options;
    const { model } = applicant;
    let queue = this.#models.get(model);
    // Where nobody has room there is nobody to go before either: but that there never will be any is to be heard.
    if (queue === undefined || applicant.returning || !this.#options.registry.hasRoom(model)) {
      const found = applicant.acquire();
      if (found !== "full" || (size === 0 && !applicant.returning)) return found;
    }
    if (queue === undefined) {
      queue = new ModelQueue(model, this.#options, () => this.#models.delete(model));
      this.#models.set(model, queue);
    }
    return queue.enter(applicant);
  }
}

/** Who waits for one model. It lives for as long as somebody does. */
class ModelQueue {
  readonly #model: string;
  /** The queue's own, which may change. */
  readonly #options: QueueOptions;
  readonly #onEmpty: () => void;
  readonly #line = new Line();
  readonly #stopListening: () => void;
  readonly #looking: ReturnType<typeof setInterval>;
  readonly #placed: RecentCount;
  readonly #since: number;

  constructor(model: string, options: QueueOptions, onEmpty: () => void) {
    this.#model = model;
    this.#options = options;
    this.#onEmpty = onEmpty;
    this.#since = options.now();
    this.#placed = new RecentCount(RATE_SECONDS, options.now);
    this.#stopListening = options.registry.onChange(model, () => this.#serve());
    this.#looking = setInterval(() => this.#serve(), LOOK_MS);
  }

  get length(): number {
    return this.#line.length;
  }

  enter(applicant: Applicant): Promise<Placed> {
    const { size, timeoutMs } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Placed>();
    const { stop, acquire } = applicant;
    const onStop = (): void => {
      if (this.#line.remove(ticket)) ticket.settle(undefined);
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const close = (): void => {
      clearTimeout(timer);
      stop.off(onStop);
      if (this.#line.length === 0) this.#end();
    };
    const ticket: Ticket = {
      caller: applicant.caller(),
      returning: applicant.returning,
      acquire,
      settle: (placed) => {
        close();
        resolve(placed);
      },
    };
    const refuse = (error: RouterError): void => {
      if (!this.#line.remove(ticket)) return;
      close();
      reject(error);
    };
    this.#line.add(ticket);
    if (stop.stopped) onStop();
    else {
      stop.on(onStop);
      timer = setTimeout(() => refuse(this.#timedOut(timeoutMs)), timeoutMs);
      // Those before it may be waiting for other backends than there is room at.
      if (this.#options.registry.hasRoom(this.#model)) this.#serve();
      if (this.#line.length > size && !ticket.returning) refuse(this.#full());
    }
    return promise;
  }

  /** Gives what places there are to those whose turn it is. */
  #serve(): void {
    const { registry } = this.#options;
    let mayGoOn = true;
    while (mayGoOn && this.#line.length > 0) {
      const served = this.#line.serve();
      if (served === undefined) return;
      const { ticket, found } = served;
      const placed = typeof found !== "string";
      if (placed) this.#placed.add();
      ticket.settle(found);
      // Why one can have none may be why nobody can.
      mayGoOn = !placed || registry.hasRoom(this.#model);
    }
  }

  #end(): void {
    this.#stopListening();
    clearInterval(this.#looking);
    this.#onEmpty();
  }

  #full(): RouterError {
    return new RouterError(
      "queue_full",
      `every backend of model '${this.#model}' is full, and ${this.#options.size} calls wait already (queue.size)`,
      { retryAfter: this.#retryAfter() },
    );
  }

  #timedOut(timeoutMs: number): RouterError {
    return new RouterError(
      "queue_timeout",
      `every backend of model '${this.#model}' was full for ${timeoutMs / 1000} s (queue.timeout)`,
      {
        retryAfter: this.#retryAfter(),
        headers: { "x-infinilm-queued-ms": String(timeoutMs) },
      },
    );
  }

  /** How long the line will take, who is told included, by how fast places came of late; seconds. */
  #retryAfter(): number {
    const seconds = Math.min((this.#options.now() - this.#since) / 1000, RATE_SECONDS);
    const wait = this.#line.length * seconds / Math.max(this.#placed.total, 1);
    return Math.min(Math.max(Math.ceil(wait), LEAST_RETRY), MOST_RETRY);
  }
}
