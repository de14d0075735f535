import { STATUS_CODE } from "@std/http/status";
import { BookError, type BookErrorCode } from "../discovery/book_error.ts";
import { RouterError } from "../errors.ts";
import type { Log } from "../observe/log.ts";
import { jsonResponse } from "./json.ts";

const STATUS: Readonly<Record<Exclude<BookErrorCode, "unknown">, number>> = {
  invalid: 400,
  address: 403,
  owner: 403,
  too_large: 413,
  full: 503,
};

/** What an operator has to mend; the rest is between a service and its author. */
const TOLD: ReadonlySet<BookErrorCode> = new Set(["address", "owner", "full", "unknown"]);

/** A babysitter that is refused tries again every two seconds: the same is told once in this time. */
const TOLD_FOR_MS = 60_000;

/** How many different refusals are told in that time. */
const MAX_TOLD = 50;

/** Turns what a registry's requests run into into HTTP: `{"error": …}`, and nothing for an unknown service. */
export class Refusals {
  readonly #log: Pick<Log, "error" | "warn">;
  readonly #now: () => number;
  readonly #told = new Set<string>();
  #since = -Infinity;

  constructor({ log, now }: { log: Pick<Log, "error" | "warn">; now: () => number }) {
    this.#log = log;
    this.#now = now;
  }

  /** What is neither a refusal of the book nor of the request is a defect: the log has it, not the client. */
  response(error: unknown, client: string): Response {
    if (error instanceof BookError) {
      if (TOLD.has(error.code)) this.#tell(error.message, client);
      if (error.code === "unknown") return nothing();
      return jsonResponse({ error: error.message }, STATUS[error.code]);
    }
    if (!(error instanceof RouterError)) {
      this.#log.error("internal error", { error });
      return jsonResponse({ error: "internal error of the registry" }, 500);
    }
    // 499 is for logs alone: a client that is still there has sent a broken request.
    const status = error.code === "client_closed" ? STATUS_CODE.BadRequest : error.status;
    const response = jsonResponse({ error: error.message }, status);
    for (const [name, value] of Object.entries(error.headers)) response.headers.set(name, value);
    return response;
  }

  #tell(reason: string, client: string): void {
    if (this.#now() - this.#since >= TOLD_FOR_MS) {
      this.#since = this.#now();
      this.#told.clear();
    }
    const told = `${client} ${reason}`;
    if (this.#told.has(told) || this.#told.size >= MAX_TOLD) return;
    this.#told.add(told);
    this.#log.warn("a service was refused", { client, reason });
  }
}

/** No such service: without a body, as in InfiniLM-SVC. */
export function nothing(): Response {
  return new Response(null, { status: 404, headers: { "cache-control": "no-store" } });
}
