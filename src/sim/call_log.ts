/** One POST as the engine saw it. */
export interface SimRecord {
  method: string;
  /** The path without its query. */
  path: string;
  /** Names in lower case; repeated headers are joined by a comma. */
  headers: Record<string, string>;
  /** The body as text. A call that was reset lacks its last byte, which stays unread. */
  body: string;
  /** Time of the head's arrival, in ms since 1970. */
  startedAt: number;
  /** Prompt tokens that were not in InfiniLM's prefix cache, once the call has ended. */
  computedTokens?: number;
  /** Time of its end, in ms since 1970. */
  endedAt?: number;
  /** `fault` also stands for calls cut off by `stop()`. A stalled call ends as `client_left`. */
  ended?: "completed" | "client_left" | "fault";
}

/** Calls kept at most. */
export const MAX_CALLS = 10_000;

// Bodies can be large: the log is bounded by their sum, too.
const MAX_CHARACTERS = 128 * 1024 * 1024;

/** The last calls, oldest first. */
export class CallLog {
  readonly #calls: SimRecord[] = [];
  #characters = 0;

  /** The records themselves: that of a running call gets its end later. */
  get calls(): readonly SimRecord[] {
    return this.#calls;
  }

  /** Adds a call whose body has been read, or has broken off. */
  add(record: SimRecord): void {
    this.#calls.push(record);
    this.#characters += record.body.length;
    while (
      this.#calls.length > MAX_CALLS ||
      (this.#characters > MAX_CHARACTERS && this.#calls.length > 1)
    ) {
      this.#characters -= this.#calls.shift()?.body.length ?? 0;
    }
  }
}
