import type { Log } from "../observe/log.ts";
import type { Backend } from "../registry/backend.ts";

/** Clients may send whatever names they like; beyond so many of one backend the log is not told. */
const MAX_NAMES = 100;

/** Tells the log of each parameter that a backend's engine does not look at, once. */
export class IgnoredNotes {
  readonly #log: Log;
  readonly #told = new WeakMap<Backend, Set<string>>();

  constructor(log: Log) {
    this.#log = log;
  }

  note(backend: Backend, names: readonly string[]): void {
    const told = this.#told.get(backend) ?? new Set();
    this.#told.set(backend, told);
    const unseen = names.filter((name) => !told.has(name));
    if (unseen.length === 0 || told.size >= MAX_NAMES) return;
    for (const name of unseen) told.add(name);
    this.#log.warn("engine ignores parameters", { backend: backend.name, parameters: unseen });
  }
}
