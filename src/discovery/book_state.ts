import { type AddressList } from "./address_list.ts";
import { type Entry, KEPT_MS } from "./book_entry.ts";
import { BookError } from "./book_error.ts";
import { isRecord } from "./infinilm_entry.ts";
import { mayBeAsked } from "./registrable.ts";
import { checkSize, readRegistration } from "./registration.ts";
import type { RegistryBook } from "./registry_book.ts";

const VERSION = 1;

export interface ReadStateOptions {
  /** What may be registered beside private addresses, now. */
  allow: AddressList;
  /** A monotonic clock, milliseconds. */
  now: () => number;
  /** Milliseconds since 1970. */
  wallNow: () => number;
}

/** A book's services as they were kept. */
export interface BookState {
  readonly entries: readonly Entry[];
  readonly gone: readonly Entry[];
  /** How many were left out: their addresses may not be registered any more, or they are broken. */
  readonly dropped: number;
}

/** All that a book should know after a restart, as text. */
export function writeState({ entries, gone }: RegistryBook): string {
  const saved = ({ told, address, owner, registeredAt, heartbeatAt }: Entry): unknown => ({
    told,
    address,
    owner,
    registered_at: registeredAt,
    heartbeat_at: heartbeatAt,
  });
  return JSON.stringify({
    version: VERSION,
    services: [...entries.values()].map(saved),
    gone: [...gone.values()].map(saved),
  });
}

/**
 * Reads what `writeState` wrote. Those that had been silent too long by now are gone. To the others the time
 * in which nobody could be heard is not held: their silence begins now. Throws `SyntaxError` if it is no
 * state at all.
 */
export function readState(text: string, options: ReadStateOptions): BookState {
  const state: unknown = JSON.parse(text);
  if (!isRecord(state) || state["version"] !== VERSION) {
    throw new SyntaxError(`no state of version ${VERSION}`);
  }
  const { services, gone } = state;
  if (!Array.isArray(services) || !Array.isArray(gone)) throw new SyntaxError("no lists");
  const read = (saved: unknown): Entry | undefined => readEntry(saved, options);
  const present = services.map(read).filter((entry) => entry !== undefined);
  const absent = gone.map(read).filter((entry) => entry !== undefined);
  const isSilent = ({ heartbeatAt }: Entry): boolean => options.wallNow() - heartbeatAt > KEPT_MS;
  return {
    entries: present.filter((entry) => !isSilent(entry)),
    // Their names were free, or would have been.
    gone: [...absent, ...present.filter(isSilent)].map((entry) => ({
      ...entry,
      ownerHeardAt: -Infinity,
    })),
    dropped: services.length + gone.length - present.length - absent.length,
  };
}

function readEntry(saved: unknown, { allow, now }: ReadStateOptions): Entry | undefined {
  if (!isRecord(saved)) return undefined;
  const { address, owner, registered_at, heartbeat_at } = saved;
  if (typeof address !== "string" || !mayBeAsked(address, allow)) return undefined;
  if (typeof owner !== "string" || !isTime(registered_at) || !isTime(heartbeat_at)) {
    return undefined;
  }
  try {
    const told = readRegistration(saved["told"]);
    checkSize(told);
    return {
      told,
      address,
      owner,
      registeredAt: registered_at,
      heartbeatAt: heartbeat_at,
      heardAt: now(),
      ownerHeardAt: now(),
      health: "unknown",
    };
  } catch (error) {
    if (error instanceof BookError) return undefined;
    throw error;
  }
}

/** A moment that `Date` can show. */
function isTime(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= 8.64e15;
}
