import { isDeepStrictEqual } from "node:util";
import type { BackendSpec } from "../registry/backend.ts";
import { FileChanges } from "./file_changes.ts";
import { SourceError } from "./polled_source.ts";
import type { Source, SourceWatcher } from "./source.ts";

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
    const changes = new FileChanges(this.#options.path, read);
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
