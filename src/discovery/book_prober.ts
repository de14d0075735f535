import type { Entry, HealthStatus } from "./book_entry.ts";
import type { probeEntry } from "./entry_probe.ts";
import type { RegistryBook } from "./registry_book.ts";

export interface BookProberOptions {
  intervalMs: number;
  timeoutMs: number;
  probe: typeof probeEntry;
  /** From 0 to 1. */
  random: () => number;
  onDefect: (error: unknown) => void;
}

/** So many services are asked at a time. */
const AT_ONCE = 16;

/** Asks all services of a book whether they are well, again and again, and one of them when somebody wants to know. */
export class BookProber {
  readonly #book: RegistryBook;
  readonly #options: BookProberOptions;
  readonly #stop = new AbortController();
  /** One service is asked once at a time, however many want to know. */
  readonly #asking = new Map<Entry, Promise<HealthStatus | undefined>>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(book: RegistryBook, options: BookProberOptions) {
    this.#book = book;
    this.#options = options;
  }

  start(): void {
    const { intervalMs, random } = this.#options;
    // A tenth more or less, so that many registries do not ask in one burst.
    this.#timer = setTimeout(() => {
      this.#round().then(() => this.#stop.signal.aborted || this.start());
    }, intervalMs * (0.9 + 0.2 * random()));
  }

  stop(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
  }

  /** Asks a service now: if it is well, that is a sign of life. Returns when the book knows. Never rejects. */
  async ask(entry: Entry): Promise<void> {
    const health = await this.#ask(entry);
    if (health === "healthy") this.#book.probed(entry, "healthy", { heard: true });
  }

  async #round(): Promise<void> {
    const waiting = [...this.#book.entries.values()];
    const askOn = async (): Promise<void> => {
      for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
        if (!this.#stop.signal.aborted) await this.#ask(entry);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, askOn));
  }

  #ask(entry: Entry): Promise<HealthStatus | undefined> {
    const under = this.#asking.get(entry);
    if (under !== undefined) return under;
    const asking = this.#probe(entry).finally(() => this.#asking.delete(entry));
    this.#asking.set(entry, asking);
    return asking;
  }

  async #probe(entry: Entry): Promise<HealthStatus | undefined> {
    const { probe, timeoutMs, onDefect } = this.#options;
    try {
      const health = await probe(entry, { timeoutMs, signal: this.#stop.signal });
      if (health !== undefined) this.#book.probed(entry, health);
      return health;
    } catch (error) {
      onDefect(error);
      return undefined;
    }
  }
}
