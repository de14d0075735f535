import type { RouterError } from "../errors.ts";
import type { Joined, Reading } from "./dialect.ts";
import { isObject } from "./json_object.ts";
import { engineError, givenUp, isGivenUp } from "./infinilm_error.ts";

interface Choice {
  text?: string | null;
  delta?: { role?: string; content?: string };
  message?: { content?: string };
  logprobs?: unknown;
  finish_reason?: string | null;
}

interface Chunk {
  id?: string;
  object?: string;
  choices?: Choice[];
  error?: unknown;
  [field: string]: unknown;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The beginning of a line of data that is no `[DONE]`. */
const DATA = "data: {";

/** InfiniLM's answers as OpenAI's: of chat, or of a completion, which the engine has none of. */
export class InfinilmReading implements Reading {
  failure: RouterError | undefined;
  readonly joined: Joined | undefined;
  readonly #completion: boolean;
  #begun = false;
  #created: unknown;
  /** What a joined answer is made of. */
  #text = "";
  #last: Chunk | undefined;

  /** `join`: the client asked for a whole answer, the engine was asked for a stream. */
  constructor({ completion, join }: { completion: boolean; join: boolean }) {
    this.#completion = completion;
    this.joined = join ? this.#joined() : undefined;
  }

  /** Its errors come as the text of a stream whose head said 200. */
  begin(events: Uint8Array): void {
    for (const line of decoder.decode(events).split("\n")) {
      const choice = chunkIn(line)?.choices?.[0];
      if (choice === undefined) continue;
      if (isGivenUp(choice.finish_reason)) throw givenUp(choice.finish_reason, textOf(choice));
      return;
    }
  }

  events(events: Uint8Array): Uint8Array {
    const lines = decoder.decode(events).split("\n");
    let out = "";
    for (const [index, line] of lines.entries()) {
      if (this.failure !== undefined) break;
      const chunk = chunkIn(line);
      const choice = chunk?.choices?.[0];
      out += choice === undefined ? line : this.#translated(chunk!, choice);
      if (index < lines.length - 1) out += "\n";
    }
    return encoder.encode(
      this.failure === undefined ? out : out.replace(/(?:^|(?<=\n\n))\n*$/, ""),
    );
  }

  /** A chunk's line; nothing of one that says that the engine gave up. */
  #translated(chunk: Chunk, choice: Choice): string {
    const text = textOf(choice);
    if (isGivenUp(choice.finish_reason)) {
      this.failure = givenUp(choice.finish_reason, text);
      return "";
    }
    if (this.joined !== undefined) {
      this.#text += text;
      this.#last = chunk;
    }
    chunk.id = this.#idOf(chunk);
    chunk.created = this.#created ??= chunk.created; // the engine looks at the clock for each
    if (this.#completion) {
      chunk.object = "text_completion";
      chunk.choices = [asText(choice, text)];
    } else {
      delete choice.text;
      if (!this.#begun) choice.delta = { role: "assistant", content: "", ...choice.delta };
    }
    this.#begun = true;
    return `data: ${JSON.stringify(chunk)}`;
  }

  whole(status: number, body: Uint8Array): Uint8Array {
    const answer = parsed(decoder.decode(body));
    if (answer === undefined) return body;
    if (status >= 400) {
      if (typeof answer.error === "string") throw engineError(answer.error);
      return body;
    }
    const [choice] = answer.choices ?? [];
    if (choice === undefined) return body;
    const text = choice.message?.content ?? "";
    if (isGivenUp(choice.finish_reason)) throw givenUp(choice.finish_reason, text);
    answer.id = this.#idOf(answer);
    if (this.#completion) {
      answer.object = "text_completion";
      answer.choices = [asText(choice, text)];
    }
    return encoder.encode(JSON.stringify(answer));
  }

  #joined(): Joined {
    const size = (): number => this.#text.length;
    const finished = (): boolean => typeof this.#last?.choices?.[0]?.finish_reason === "string";
    return {
      get size(): number {
        return size();
      },
      get finished(): boolean {
        return finished();
      },
      make: () => this.#join(),
    };
  }

  /** As the engine itself would have given it whole, but for the counts, which it does not give in streams. */
  #join(): Uint8Array {
    const last = this.#last ?? {};
    const [choice] = last.choices ?? [];
    const content = this.#text.trim();
    const { finish_reason = null } = choice ?? {};
    const made = { index: 0, logprobs: null, finish_reason };
    const answer = {
      ...last,
      object: this.#completion ? "text_completion" : "chat.completion",
      choices: [
        this.#completion
          ? { ...made, text: content }
          : { ...made, message: { role: "assistant", content } },
      ],
    };
    return encoder.encode(JSON.stringify(answer));
  }

  #idOf({ id = "" }: Chunk): string {
    return this.#completion ? id : id.replace(/^(?:cmpl-)?/, "chatcmpl-");
  }
}

function asText({ delta: _, message: __, ...choice }: Choice, text: string): Choice {
  return { ...choice, text };
}

function textOf({ delta, text }: Choice): string {
  return delta?.content ?? text ?? "";
}

function chunkIn(line: string): Chunk | undefined {
  return line.startsWith(DATA) ? parsed(line.slice(DATA.length - 1)) : undefined;
}

/** Undefined for what is no answer of InfiniLM's: it passes as it is. */
function parsed(text: string): Chunk | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    if (!isObject(value)) return undefined;
    const { choices, id } = value as Chunk;
    if (id !== undefined && typeof id !== "string") return undefined;
    return choices === undefined || (Array.isArray(choices) && choices.every(isObject))
      ? value as Chunk
      : undefined;
  } catch {
    return undefined;
  }
}
