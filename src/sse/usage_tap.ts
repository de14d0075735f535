/** Token counts as the engine itself reports them. Chunks are not tokens: nothing is guessed. */
export interface Usage {
  readonly promptTokens: number | undefined;
  readonly completionTokens: number | undefined;
}

/** The engine reports usage in one of the last events; more than this is not kept. */
const KEEP_PIECES = 4;
const KEEP_BYTES = 64 * 1024;

/**
 * Reads along a stream and finds the usage its engine reports. While the stream runs it only keeps
 * the last few pieces; they are parsed once, when asked.
 */
export class UsageTap {
  readonly #last: Uint8Array[] = [];

  readonly tap = (piece: Uint8Array): void => {
    this.#last.push(piece);
    if (this.#last.length > KEEP_PIECES) this.#last.shift();
  };

  /** The usage of the last event that has one. */
  usage(): Usage | undefined {
    for (const piece of this.#last.toReversed()) {
      const text = new TextDecoder().decode(piece.subarray(-KEEP_BYTES));
      for (const line of text.split(/\r\n|\r|\n/).reverse()) {
        if (!line.startsWith("data:") || !line.includes('"usage"')) continue;
        const usage = usageOf(line.slice(5));
        if (usage !== undefined) return usage;
      }
    }
    return undefined;
  }
}

/** The `usage` of an answer or a chunk, given as JSON text. */
export function usageOf(json: string): Usage | undefined {
  try {
    const usage = (JSON.parse(json) as { usage?: Record<string, unknown> | null }).usage;
    if (typeof usage !== "object" || usage === null) return undefined;
    return {
      promptTokens: count(usage["prompt_tokens"] ?? usage["input_tokens"]),
      completionTokens: count(usage["completion_tokens"] ?? usage["output_tokens"]),
    };
  } catch {
    return undefined;
  }
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
