import { isDeepStrictEqual } from "node:util";
import type { BackendSpec } from "../registry/backend.ts";
import { SourceError } from "./polled_source.ts";
import type { Source, SourceWatcher } from "./source.ts";

/** Editors and tools write in several steps: so long after the first, the file is read, milliseconds. */
const SETTLE_MS = 200;

/** Where changes cannot be watched, the file is looked at this often, milliseconds. */
const LOOK_MS = 5000;

export interface FileSourceOptions {
  path: string;
  removalGraceMs: number;
  /** The backends that its text lists. Throws an error that says what is wrong with it. */
  parse: (text: string) => readonly BackendSpec[];
}

/** The backends that a file lists, read again whenever it changes; what is wrong leaves the last list in force. */
export class FileSource implements Source {
  readonly name: string;
  readonly removalGraceMs: number;
  readonly #options: FileSourceOptions;

  constructor(options: FileSourceOptions) {
    this.name = `file ${options.path}`;
    this.removalGraceMs = options.removalGraceMs;
    this.#options = options;
  }

  watch(watcher: SourceWatcher): () => void {
    let last: readonly BackendSpec[] | undefined;
    const read = (): void => {
      try {
        const specs = this.#read();
        watcher.onTrouble(undefined);
        if (isDeepStrictEqual(specs, last)) return;
        last = specs;
        watcher.onSpecs(specs);
      } catch (error) {
        watcher.onTrouble((error as Error).message);
      }
    };
    read();
    const changes = new FileChanges(folderOf(this.#options.path), read);
    return () => changes.stop();
  }

  #read(): readonly BackendSpec[] {
    const { path, parse } = this.#options;
    let text: string;
    try {
      text = Deno.readTextFileSync(path);
    } catch (error) {
      throw new SourceError(`cannot be read: ${error instanceof Error ? error.message : error}`);
    }
    return parse(text);
  }
}

/**
 * Tells of changes in a folder, soon after they began. The folder, as tools put a new file in the place of
 * the old one, or swap a link (Kubernetes).
 */
class FileChanges {
  readonly #folder: string;
  readonly #onChange: () => void;
  #watcher: Deno.FsWatcher | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(folder: string, onChange: () => void) {
    this.#folder = folder;
    this.#onChange = onChange;
    this.#watch();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }

  /** Never rejects: without a watcher, the file is looked at now and then until there can be one. */
  async #watch(): Promise<void> {
    try {
      this.#watcher = Deno.watchFs(this.#folder, { recursive: false });
      for await (const { kind } of this.#watcher) {
        // Not put off by what comes after it: some folders never rest.
        if (kind !== "access" && this.#timer === undefined) this.#after(SETTLE_MS);
      }
    } catch {
      // no such folder, or no more watches to be had
    }
    this.#watcher = undefined;
    if (!this.#stopped) this.#after(LOOK_MS);
  }

  #after(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#onChange();
      if (this.#watcher === undefined) this.#watch();
    }, ms);
  }
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "." : path.slice(0, slash + 1);
}
