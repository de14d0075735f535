import type { Log } from "../observe/log.ts";
import type { BackendSpec } from "../registry/backend.ts";
import { type AddressList, plainAddress } from "./address_list.ts";
import {
  type Entry,
  type HealthStatus,
  isWell,
  KEPT_MS,
  type ShownEntry,
  shownEntry,
  specOf,
  WELL_MS,
} from "./book_entry.ts";
import { BookError } from "./book_error.ts";
import { type Change, checkSize, type Told } from "./registration.ts";

export interface BookOptions {
  /** Clients that may change each other's entries. */
  allow: AddressList;
  log: Pick<Log, "info">;
  /** A monotonic clock, milliseconds. */
  now: () => number;
  /** Milliseconds since 1970. */
  wallNow: () => number;
  /** How many services there may be; of so many that are gone it is known what they were. */
  maxEntries?: number;
}

/** Who asks, and at which address the host that he names was found (`registrable`). */
export interface Asked {
  readonly client: string;
  readonly address: string;
}

/** What has changed: what there is to see, or only that somebody has been heard. */
export type BookChange = "entries" | "heartbeat";

/**
 * The services that registered themselves, as InfiniLM-SVC's registry keeps them: a heartbeat within two
 * minutes or it is not well, within five or it goes. One thing is different: a heartbeat of a service that
 * has gone brings it back as it was, since babysitters register only when they start. One that was deleted
 * was meant to go, and must register.
 */
export class RegistryBook {
  readonly #options: Required<BookOptions>;
  readonly #entries = new Map<string, Entry>();
  /** Removed for their silence, the longest gone first. */
  readonly #gone = new Map<string, Entry>();
  readonly #watchers = new Set<(change: BookChange) => void>();

  constructor(options: BookOptions) {
    this.#options = { maxEntries: 1000, ...options };
  }

  get entries(): ReadonlyMap<string, Entry> {
    return this.#entries;
  }

  get gone(): ReadonlyMap<string, Entry> {
    return this.#gone;
  }

  /** Calls `watcher` after each change. Returns what ends that. */
  watch(watcher: (change: BookChange) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Takes a service, in the place of the one of its name. Throws `BookError` (`owner`, `full`, `too_large`). */
  register(told: Told, { client, address }: Asked): ShownEntry {
    const { now, wallNow, log } = this.#options;
    const { name, host, port } = told;
    const before = this.#entries.get(name) ?? this.#gone.get(name);
    if (before !== undefined) this.#checkOwner(before, client);
    const entry = this.#put({
      told,
      address,
      owner: plainAddress(client),
      ownerHeardAt: now(),
      registeredAt: wallNow(),
      health: "unknown",
    }, client);
    log.info("service registered", {
      service: name,
      host,
      port,
      client,
      again: before !== undefined,
    });
    return this.#shown(entry);
  }

  /**
   * Changes members of a service, which counts as a heartbeat. `address` where they name a host. Throws
   * `BookError` (`unknown`, `owner`, `full`, `too_large`).
   */
  update(
    name: string,
    change: Change,
    { client, address }: { client: string; address: string | undefined },
  ): ShownEntry {
    const before = this.#known(name);
    this.#checkOwner(before, client);
    const told = { ...before.told, ...change };
    const entry = this.#put({ ...before, told, address: address ?? before.address }, client);
    this.#options.log.info("service updated", { service: name, client });
    return this.#shown(entry);
  }

  /** Hears of a service. Throws `BookError`: `unknown`, `full`; or `owner`, for a status from a stranger. */
  heartbeat(name: string, { client, status }: { client: string; status?: string }): void {
    const entry = this.#known(name);
    // Without a status anybody's will do: it can only keep what was registered, and addresses may change.
    if (status !== undefined && status !== entry.told.status) {
      this.#checkOwner(entry, client);
      this.#put({ ...entry, told: { ...entry.told, status } }, client);
      this.#options.log.info("service updated", { service: name, client, status });
    } else if (this.#entries.has(name)) {
      if (isOwner(entry, client)) entry.ownerHeardAt = this.#options.now();
      this.#hear(entry);
    } else {
      this.#put(entry, client);
      this.#options.log.info("service is back", { service: name, client });
    }
  }

  /** Forgets a service; false if there is none. Throws `BookError` (`owner`). */
  delete(name: string, client: string): boolean {
    const entry = this.#entries.get(name);
    if (entry === undefined) return false;
    this.#checkOwner(entry, client);
    this.#entries.delete(name);
    this.#options.log.info("service deleted", { service: name, client });
    this.#tell("entries");
    return true;
  }

  /** Takes what a probe of an entry found; of one that was replaced meanwhile it says nothing. */
  probed(entry: Entry, health: HealthStatus, { heard = false } = {}): void {
    const { name } = entry.told;
    if (this.#entries.get(name) !== entry) return;
    if (heard) this.#hear(entry);
    if (entry.health === health) return;
    this.#options.log.info("service was probed", { service: name, health, before: entry.health });
    entry.health = health;
  }

  /** Removes those that have been silent too long. */
  sweep(): void {
    const { now, log } = this.#options;
    const before = this.#entries.size;
    for (const [name, entry] of this.#entries) {
      if (now() - entry.heardAt <= KEPT_MS) continue;
      this.#entries.delete(name);
      this.#remember(entry);
      log.info("service removed: no heartbeat", { service: name, seconds: KEPT_MS / 1000 });
    }
    if (this.#entries.size < before) this.#tell("entries");
  }

  /** Takes what an earlier process has kept, before anybody else is heard. */
  restore(entries: readonly Entry[], gone: readonly Entry[]): void {
    const present = entries.slice(0, this.#options.maxEntries);
    for (const entry of present) this.#entries.set(entry.told.name, entry);
    for (const entry of gone) if (!this.#entries.has(entry.told.name)) this.#remember(entry);
  }

  get(name: string): ShownEntry | undefined {
    const entry = this.#entries.get(name);
    return entry && this.#shown(entry);
  }

  list(): ShownEntry[] {
    return [...this.#entries.values()].map((entry) => this.#shown(entry));
  }

  /** The engines among those that are well, by name. */
  specs(): BackendSpec[] {
    const now = this.#options.now();
    return [...this.#entries.values()].map((entry) => specOf(entry, now))
      .filter((spec) => spec !== undefined)
      .sort((one, other) => one.name < other.name ? -1 : 1);
  }

  /** In how many milliseconds the next one will be unwell unless it is heard; undefined: none. */
  nextSilence(): number | undefined {
    const now = this.#options.now();
    const well = [...this.#entries.values()].filter((entry) => isWell(entry, now));
    if (well.length === 0) return undefined;
    return Math.min(...well.map(({ heardAt }) => heardAt)) + WELL_MS - now;
  }

  #shown(entry: Entry): ShownEntry {
    return shownEntry(entry, this.#options.now());
  }

  /** There, or gone and not forgotten. */
  #known(name: string): Entry {
    const entry = this.#entries.get(name) ?? this.#gone.get(name);
    if (entry === undefined) {
      throw new BookError(
        "unknown",
        `no service '${name}' has registered, and babysitters do so only when they start`,
      );
    }
    return entry;
  }

  /**
   * A name is its owner's as long as that is heard. Not as long as the service is: a babysitter whose address has
   * changed keeps what it registered before alive, and must be able to register anew.
   */
  #checkOwner(entry: Entry, client: string): void {
    const { now, allow } = this.#options;
    const lapsed = now() - entry.ownerHeardAt > KEPT_MS;
    if (lapsed || isOwner(entry, client) || allow.has(client)) return;
    const { name } = entry.told;
    throw new BookError(
      "owner",
      `service '${name}' was registered from another address, and is not for ${client} to change`,
    );
  }

  #put(entry: Omit<Entry, "heartbeatAt" | "heardAt">, client: string): Entry {
    const { maxEntries, now, wallNow } = this.#options;
    const { name } = entry.told;
    checkSize(entry.told);
    if (!this.#entries.has(name) && this.#entries.size >= maxEntries) {
      throw new BookError("full", `there are ${maxEntries} services, and no more are taken`);
    }
    const put = { ...entry, heartbeatAt: wallNow(), heardAt: now() };
    if (isOwner(put, client)) put.ownerHeardAt = now();
    this.#gone.delete(name);
    this.#entries.set(name, put);
    this.#tell("entries");
    return put;
  }

  #hear(entry: Entry): void {
    const { now, wallNow } = this.#options;
    const wasWell = isWell(entry, now());
    entry.heartbeatAt = wallNow();
    entry.heardAt = now();
    this.#tell(isWell(entry, now()) === wasWell ? "heartbeat" : "entries");
  }

  #remember(entry: Entry): void {
    this.#gone.set(entry.told.name, { ...entry, health: "unknown" });
    const [oldest] = this.#gone.keys();
    if (this.#gone.size > this.#options.maxEntries) this.#gone.delete(oldest!);
  }

  #tell(change: BookChange): void {
    for (const watcher of this.#watchers) watcher(change);
  }
}

function isOwner({ owner }: Pick<Entry, "owner">, client: string): boolean {
  return owner === plainAddress(client);
}
