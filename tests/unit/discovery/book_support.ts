import { AddressList } from "../../../src/discovery/address_list.ts";
import { BookError } from "../../../src/discovery/book_error.ts";
import type { Told } from "../../../src/discovery/registration.ts";
import { RegistryBook } from "../../../src/discovery/registry_book.ts";

/** Where the wall clock of a `TestBook` begins: 2026-01-01. */
export const WALL_BEGAN = 1_767_225_600_000;

/** A book whose time the test makes pass, and what it logged. */
export class TestBook extends RegistryBook {
  readonly lines: string[];
  readonly clock: { ms: number };

  constructor({ maxEntries = 1000, allow = [] as readonly string[] } = {}) {
    const clock = { ms: 0 };
    const lines: string[] = [];
    super({
      allow: new AddressList(allow),
      log: { info: (message, fields) => void lines.push(`${message}: ${fields?.["service"]}`) },
      now: () => clock.ms,
      wallNow: () => WALL_BEGAN + clock.ms,
      maxEntries,
    });
    this.clock = clock;
    this.lines = lines;
  }

  /** Registers a service of this name at its host, from there unless another client is named. */
  add(name: string, told: Partial<Told> = {}, client = told.host ?? "10.0.0.5"): void {
    const whole = newTold(name, told);
    this.register(whole, { client, address: whole.host });
  }
}

/** What an engine's babysitter tells. */
export function newTold(name: string, told: Partial<Told> = {}): Told {
  const { host = "10.0.0.5", port = 8100 } = told;
  return {
    name,
    host,
    port,
    hostname: host,
    url: `http://${host}:${port}`,
    status: "running",
    metadata: { type: "openai-api", models: ["m"] },
    ...told,
  };
}

/** The code of the `BookError` that `run` throws; undefined if it throws none. */
export function refusalOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof BookError) return error.code;
    throw error;
  }
}
