import type { Log } from "../observe/log.ts";

export interface StateFileOptions {
  path: string;
  /** All that is to be kept, as text. */
  write: () => string;
  log: Pick<Log, "info" | "warn" | "error">;
}

/** Between a change and its writing, milliseconds: many changes are written at once. */
const SOON_MS = 1000;

/** The same where losing it costs little. */
const LATER_MS = 30_000;

/** For its owner alone: services may tell of themselves what is not for everybody. */
const OVERWRITE: Deno.OpenOptions = { write: true, create: true, truncate: true, mode: 0o600 };

/** What nobody can have written. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * A file that holds one text, whole at any time: each is written beside it and then takes its place. What
 * cannot be written is told once, and tried again at the next change.
 */
export class StateFile {
  readonly #options: StateFileOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What the timer is for, to be put forward by what is more urgent. */
  #waiting: "nothing" | "later" | "soon" = "nothing";
  #closed = false;
  #writing: Promise<void> = Promise.resolve();
  #failing = false;

  constructor(options: StateFileOptions) {
    this.#options = options;
  }

  /**
   * Has `take` read what is there. What it does not understand (`SyntaxError`) is moved aside, not lost and
   * not in the way. Then writes the file once, since what cannot be written should be known at the start.
   * Throws what reading and writing throw.
   */
  open(take: (text: string) => void): void {
    const { path, log, write } = this.#options;
    try {
      const text = this.#read();
      if (text !== undefined) take(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      const aside = `${path}.broken`;
      Deno.renameSync(path, aside);
      log.error("the state file is broken: it was moved aside", {
        path,
        aside,
        reason: error.message,
      });
    }
    {
      using file = Deno.openSync(this.#beside, OVERWRITE);
      const bytes = new TextEncoder().encode(write());
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      file.syncDataSync();
    }
    Deno.renameSync(this.#beside, path);
  }

  /** Something has changed. `later`: nothing that must not be lost. */
  changed({ later = false } = {}): void {
    if (this.#closed || this.#waiting === "soon" || (later && this.#waiting === "later")) return;
    this.#waiting = later ? "later" : "soon";
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#begin(), later ? LATER_MS : SOON_MS);
  }

  /** Writes what has not been written; nothing after it. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.#waiting !== "nothing") this.#begin();
    await this.#writing;
  }

  get #beside(): string {
    return `${this.#options.path}.new`;
  }

  #read(): string | undefined {
    const { path } = this.#options;
    try {
      if (Deno.statSync(path).size > MAX_BYTES) throw new SyntaxError("too large");
      return Deno.readTextFileSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** One after another: they use the same name beside. */
  #begin(): void {
    this.#waiting = "nothing";
    this.#writing = this.#writing.then(() => this.#write());
  }

  async #write(): Promise<void> {
    const { path, write, log } = this.#options;
    try {
      await writeWhole(this.#beside, write());
      await Deno.rename(this.#beside, path);
      if (this.#failing) log.info("the state file is written again", { path });
      this.#failing = false;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#failing) log.warn("the state file cannot be written", { path, reason });
      this.#failing = true;
    }
  }
}

/** Writes a file and waits until it is on the disk: a name must not come to stand for half of it. */
async function writeWhole(path: string, text: string): Promise<void> {
  using file = await Deno.open(path, OVERWRITE);
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  await file.syncData();
}
