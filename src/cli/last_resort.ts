import type { Log } from "../observe/log.ts";

/** A defect that repeats itself, or that the log itself causes, fills so many lines in this time. */
const MAX_LINES = 10;
const WINDOW_MS = 10_000;

/** What is thrown and is no error is shown in so many characters. */
const SHOWN_CHARACTERS = 1000;

export interface LastResortOptions {
  log: Pick<Log, "error">;
  /** Monotonic clock, milliseconds. */
  now: () => number;
}

/**
 * Takes the errors that nobody has caught: rejections, and exceptions of timers and listeners. Deno
 * would end the process at the first, and every running answer with it.
 */
export class LastResort {
  readonly #log: LastResortOptions["log"];
  readonly #now: () => number;
  #count = 0;
  #windowBegan = -Infinity;
  #linesInWindow = 0;
  #notLogged = 0;

  constructor({ log, now }: LastResortOptions) {
    this.#log = log;
    this.#now = now;
  }

  /** How many errors it has taken. Each is a defect of ours. */
  get count(): number {
    return this.#count;
  }

  /** Takes what comes up to `target`, the process's global scope, from now on. */
  listen(target: EventTarget): void {
    target.addEventListener("error", (event) => this.#take(event, (event as ErrorEvent).error));
    target.addEventListener(
      "unhandledrejection",
      (event) => this.#take(event, (event as PromiseRejectionEvent).reason),
    );
  }

  #take(event: Event, error: unknown): void {
    event.preventDefault(); // first: what follows may fail
    this.#count++;
    try {
      if (this.#mayLog()) this.#tell(event.type, error);
    } catch {
      // Nobody is left to be told. Thrown on, it would come back here.
    }
  }

  #mayLog(): boolean {
    const now = this.#now();
    if (now - this.#windowBegan >= WINDOW_MS) {
      this.#windowBegan = now;
      this.#linesInWindow = 0;
    }
    if (this.#linesInWindow < MAX_LINES) {
      this.#linesInWindow++;
      return true;
    }
    this.#notLogged++;
    return false;
  }

  #tell(event: string, error: unknown): void {
    const left = this.#notLogged;
    this.#notLogged = 0;
    this.#log.error("internal error", {
      event,
      error: error instanceof Error ? error : shown(error),
      ...(left === 0 ? {} : { not_logged: left }),
    });
  }
}

function shown(value: unknown): string {
  try {
    const text = Deno.inspect(value, { depth: 2, strAbbreviateSize: SHOWN_CHARACTERS });
    return text.slice(0, SHOWN_CHARACTERS);
  } catch {
    return `a ${typeof value} that cannot be shown`;
  }
}
