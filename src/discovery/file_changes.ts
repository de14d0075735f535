/** Editors and tools write in several steps: so long after the first, the file is read, milliseconds. */
const SETTLE_MS = 200;

/** Where changes cannot be watched, the file is looked at this often, milliseconds. */
const LOOK_MS = 5000;

/**
 * Tells of changes in a file's folder, soon after they began: tools put a new file in the place of the old one, or
 * swap a link (Kubernetes).
 */
export class FileChanges {
  readonly #folder: string;
  readonly #onChange: () => void;
  #watcher: Deno.FsWatcher | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(path: string, onChange: () => void) {
    this.#folder = folderOf(path);
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
