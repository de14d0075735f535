/** Token counts as the engine itself reports them. Chunks are not tokens: nothing is guessed. */
export interface Usage {
  readonly promptTokens: number | undefined;
  readonly completionTokens: number | undefined;
}

/** The engine reports usage in one of the last events; more than this is not kept. */
const KEEP_PIECES = 4;
const KEEP_BYTES = 64 * 1024;

/** Where nearly every engine's whole answer has its usage: 2 µs instead of parsing all of it. */
const TAIL_BYTES = 1024;

/** Larger whole answers are not parsed for their usage: that would hold up everybody else. */
const MAX_PARSED_BYTES = 64 * 1024;

const decoder = new TextDecoder();

/**
 * Reads along a stream and finds the usage its engine reports. While the stream runs it only keeps
 * the last few pieces, `KEEP_BYTES` in all; they are parsed once, when asked.
 */
export class UsageTap {
  readonly #last: Uint8Array[] = [];
  #bytes = 0;

  /** Takes the next piece, and gives it back as it is. */
  readonly tap = (piece: Uint8Array): Uint8Array => {
    // A copy, as a view would keep all of the piece.
    const end = piece.length > KEEP_BYTES ? piece.slice(-KEEP_BYTES) : piece;
    this.#last.push(end);
    this.#bytes += end.length;
    while (this.#last.length > KEEP_PIECES || this.#bytes > KEEP_BYTES) {
      this.#bytes -= this.#last.shift()!.length;
    }
    return piece;
  };

  /** The usage of the last event that has one. */
  usage(): Usage | undefined {
    for (const piece of this.#last.toReversed()) {
      const text = decoder.decode(piece);
      if (!text.includes('"usage"')) continue;
      for (const line of text.split(/\r\n|\r|\n/).reverse()) {
        if (!line.startsWith("data:") || !line.includes('"usage"')) continue;
        const usage = usageOf(line.slice(5));
        if (usage !== undefined) return usage;
      }
    }
    return undefined;
  }
}

/** The usage of a whole answer that is JSON; from its last bytes if it is there. */
export function usageAtEnd(answer: Uint8Array): Usage | undefined {
  const tail = decoder.decode(answer.subarray(-TAIL_BYTES));
  const at = tail.lastIndexOf('"usage":{');
  if (at !== -1) {
    const usage = usageOf(`{${tail.slice(at, objectEnd(tail, at))}}`);
    if ((usage?.promptTokens ?? usage?.completionTokens) !== undefined) return usage;
  }
  return answer.length > MAX_PARSED_BYTES ? undefined : usageOf(decoder.decode(answer));
}

/** Where the object that begins behind `start` ends; counts have no braces in strings. */
function objectEnd(json: string, start: number): number {
  let depth = 0;
  for (let at = json.indexOf("{", start); at < json.length; at++) {
    if (json[at] === "{") depth++;
    else if (json[at] === "}" && --depth === 0) return at + 1;
  }
  return json.length;
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
