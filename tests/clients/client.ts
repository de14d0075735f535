/** What a test asks of a client library. */
export interface Ask {
  /** The router's address, without a path. */
  readonly url: string;
  readonly model: string;
  readonly temperature?: number;
  /** Whether the answer is to come as a stream. */
  readonly stream: boolean;
  /** Whether the model may call the tool `weather`. */
  readonly tools: boolean;
  /** Whether the library asks again as often as it does if it is not told otherwise. */
  readonly retries: boolean;
  /** How long the client waits for a sign of the engine. */
  readonly timeoutMs: number;
  readonly leave?: Leave;
}

/** The client leaves a stream: it returns from its loop, or aborts while it waits for the next event. */
export interface Leave {
  /** So many pieces of text. */
  readonly after: number;
  readonly by: "return" | "abort";
}

export interface ToolCall {
  readonly name: string;
  readonly arguments: unknown;
}

/** What a library shows of an error: its own fields, not those of a body that it keeps beside. */
export interface Shown {
  readonly message: string;
  readonly status?: number;
  readonly code?: string;
  readonly param?: string;
}

/** All that a client was told: what came before an error is kept. */
export interface Told {
  /** The pieces of text, as they were handed out; a whole answer is one piece. */
  readonly texts: string[];
  readonly toolCalls: ToolCall[];
  error?: Shown;
}

/** A client library behind one door: it asks, and says what it was told. It does not throw. */
export type Client = (ask: Ask) => Promise<Told>;

/**
 * A client of what asks with a library, and of what finds the words in its errors if their fields have
 * other names.
 */
export function clientOf(
  asks: (ask: Ask, told: Told) => Promise<void>,
  shown = (error: unknown) => error as Shown,
): Client {
  return async (ask) => {
    const told: Told = { texts: [], toolCalls: [] };
    try {
      await asks(ask, told);
    } catch (error) {
      told.error = shown(error);
    }
    return told;
  };
}

/** Whether to return now; one that aborts does so as soon as it waits for more. */
export function returns({ leave }: Ask, { texts, leaving }: {
  texts: readonly string[];
  leaving: AbortController;
}): boolean {
  if (texts.length !== leave?.after) return false;
  if (leave.by === "abort") setTimeout(() => leaving.abort());
  return leave.by === "return";
}

export const QUESTION = "What is the weather in Wien?";

/** The tool that a model may call, as JSON Schema. */
export const WEATHER = {
  name: "weather",
  description: "The weather of a city",
  parameters: {
    type: "object" as const,
    properties: { city: { type: "string" as const } },
    required: ["city"],
  },
};
