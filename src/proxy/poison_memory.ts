import { createHash } from "node:crypto";
import { RouterError } from "../errors.ts";
import type { Call } from "./call.ts";

export interface PoisonMemorySettings {
  /** How long a request is refused, milliseconds. 0: none is. */
  readonly refusedMs: number;
}

export interface PoisonMemoryOptions extends PoisonMemorySettings {
  /** A monotonic clock, milliseconds. */
  readonly now: () => number;
}

interface Suspect {
  /** Of the body: few others have just as many bytes, and no digest has to be made of them. */
  readonly bytes: number;
  readonly until: number;
  /** Which backends died holding it. */
  readonly backends: readonly string[];
}

/** So many requests are remembered; of more, the oldest are forgotten. */
const MOST_SUSPECTS = 1024;

/** Requests that backends died of, so that nobody sends them to the next ones. */
export class PoisonMemory {
  #options: PoisonMemoryOptions;
  /** By digest, in the order in which they will be forgotten. */
  readonly #suspects = new Map<string, Suspect>();

  constructor(options: PoisonMemoryOptions) {
    this.#options = options;
  }

  /** Takes other settings for what is remembered from now on. */
  configure(settings: PoisonMemorySettings): void {
    this.#options = { ...this.#options, ...settings };
  }

  /** Throws `RouterError` (`poisonous`) for a request of which backends died. */
  check(call: Pick<Call, "endpoint" | "body">): void {
    if (this.#suspects.size === 0) return; // nearly always: then no digest has to be made
    this.#forget();
    const { length } = call.body;
    if (!this.#suspects.values().some(({ bytes }) => bytes === length)) return;
    const suspect = this.#suspects.get(digestOf(call));
    if (suspect === undefined) return;
    const seconds = Math.ceil((suspect.until - this.#options.now()) / 1000);
    throw new RouterError(
      "poisonous",
      `backends ${suspect.backends.join(" and ")} died while they held this very request; ` +
        `it is refused for another ${seconds} s (retry.poison_memory)`,
    );
  }

  /** Refuses the same request from now on. Gives its digest, by which it can be found in the log. */
  remember(call: Pick<Call, "endpoint" | "body">, backends: readonly string[]): string {
    const digest = digestOf(call);
    const { refusedMs, now } = this.#options;
    if (refusedMs === 0) return digest;
    this.#forget();
    this.#suspects.delete(digest);
    const [oldest] = this.#suspects.keys();
    if (this.#suspects.size === MOST_SUSPECTS) this.#suspects.delete(oldest!);
    this.#suspects.set(digest, {
      bytes: call.body.length,
      until: now() + refusedMs,
      backends,
    });
    return digest;
  }

  #forget(): void {
    const now = this.#options.now();
    for (const [digest, { until }] of this.#suspects) {
      if (until > now) return;
      this.#suspects.delete(digest);
    }
  }
}

/** The same for the same body at the same endpoint, whoever sends it. */
function digestOf({ endpoint, body }: Pick<Call, "endpoint" | "body">): string {
  return createHash("sha256").update(endpoint.path).update("\0").update(body).digest("hex");
}
