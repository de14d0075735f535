import type { Lease } from "../registry/lease.ts";
import type { Shortage } from "../registry/registry.ts";

/** One call that waits. */
export interface Ticket {
  readonly caller: string;
  /** Whether it had a place before. */
  readonly returning: boolean;
  readonly acquire: () => Lease | Shortage;
  /** Told what came of waiting. */
  readonly settle: (placed: Lease | Shortage | undefined) => void;
}

/** An order of waiting: those who come back first, then callers in turn, each in the order of its calls. */
export class Line {
  readonly #returning = new Set<Ticket>();
  /** In the order of their turns; none is empty. */
  readonly #callers = new Map<string, Set<Ticket>>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(ticket: Ticket): void {
    this.#length++;
    if (ticket.returning) {
      this.#returning.add(ticket);
      return;
    }
    const tickets = this.#callers.get(ticket.caller) ?? new Set();
    this.#callers.set(ticket.caller, tickets.add(ticket));
  }

  /** Whether it was there. */
  remove(ticket: Ticket): boolean {
    const { caller, returning } = ticket;
    const tickets = returning ? this.#returning : this.#callers.get(caller);
    if (tickets?.delete(ticket) !== true) return false;
    this.#length--;
    if (!returning && tickets.size === 0) this.#callers.delete(caller);
    return true;
  }

  /**
   * Takes out the first for whom there is a place, or for whom there can be none any more. Undefined if all have
   * to wait on: whoever goes before may be waiting for another backend than the one with room.
   */
  serve(): { ticket: Ticket; found: Lease | Exclude<Shortage, "full"> } | undefined {
    for (const ticket of this.#inTurn()) {
      const found = ticket.acquire();
      if (found === "full") continue;
      this.remove(ticket);
      this.#endTurn(ticket);
      return { ticket, found };
    }
    return undefined;
  }

  *#inTurn(): Generator<Ticket> {
    yield* this.#returning;
    // One of each caller, then the next of each: a caller's second call goes behind everybody's first.
    for (const [first] of this.#callers.values()) yield first!;
    // Seldom: nobody's first can have a place.
    const lines = [...this.#callers.values()].map((tickets) => [...tickets]);
    for (let place = 1; lines.some((tickets) => place < tickets.length); place++) {
      for (const tickets of lines) if (place < tickets.length) yield tickets[place]!;
    }
  }

  /** Whose call has been served is the last in the next round. */
  #endTurn({ caller, returning }: Ticket): void {
    const tickets = this.#callers.get(caller);
    if (returning || tickets === undefined) return;
    this.#callers.delete(caller);
    this.#callers.set(caller, tickets);
  }
}
