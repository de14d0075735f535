import type { InfiniLmFinish } from "./infinilm_forms.ts";
import { Outbox } from "./outbox.ts";
import { endsWithStop } from "./stop_strings.ts";

/** What came of one step for one answer. */
export interface Piece {
  /** Empty where the token's text is dropped or held back. */
  text: string;
  /** Set with the last piece. */
  finishReason?: InfiniLmFinish;
}

/** The model's token that ends an answer. It has no text, and is counted. */
export const EOS = Symbol("end of sequence");

/** What the model says: a token's text, empty while a character is not whole, or the end. */
export type ModelToken = string | typeof EOS;

/** One answer inside the engine, from the queue to its end. */
export class Generation {
  readonly promptTokens: readonly string[];
  /** 0 = no limit; less = one token. */
  readonly maxTokens: number;
  /** Whether it is asked for as a stream: then the engine hears of a client that leaves. */
  readonly stream: boolean;
  /** What it has said, for whoever answers the call. */
  readonly pieces = new Outbox<Piece>();
  /** Prompt tokens that were not in the prefix cache; set when its turn comes. */
  computedTokens?: number;
  /** Whether the client has left. */
  clientGone = false;
  readonly #model: Iterator<ModelToken>;
  readonly #stop: unknown;
  readonly #generated: string[] = [];
  #text = "";
  #over = false;

  constructor(of: {
    promptTokens: readonly string[];
    maxTokens: number;
    stop: unknown;
    stream: boolean;
    model: Iterator<ModelToken>;
  }) {
    this.promptTokens = of.promptTokens;
    this.maxTokens = of.maxTokens;
    this.stream = of.stream;
    this.#stop = of.stop;
    this.#model = of.model;
  }

  /** Whether the engine has nothing more to do for it. */
  get over(): boolean {
    return this.#over;
  }

  /** Tokens generated, the one that ended it included. */
  get generatedTokens(): number {
    return this.#generated.length;
  }

  /** Tokens of prompt and answer. */
  get length(): number {
    return this.promptTokens.length + this.#generated.length;
  }

  /** Tokens of prompt and answer from one place to another. */
  tokens(from: number, to: number): string[] {
    const prompt = this.promptTokens.length;
    return [
      ...this.promptTokens.slice(from, to),
      ...this.#generated.slice(Math.max(0, from - prompt), Math.max(0, to - prompt)),
    ];
  }

  /** One token more. Throws a `PythonError` if `stop` is of a wrong type and had to be looked at. */
  advance(): void {
    const { value: token } = this.#model.next() as { value: ModelToken };
    this.#generated.push(token === EOS ? "" : token);
    if (token !== EOS) this.#text += token;
    const finishReason = this.#finish(token);
    // The text of the token that ends an answer is dropped, whatever it was.
    if (finishReason !== undefined) this.end(finishReason);
    else this.pieces.put({ text: token as string });
  }

  /** Ends it without a further token. */
  end(finishReason: InfiniLmFinish): void {
    if (this.#over) return;
    this.#over = true;
    this.pieces.put({ text: "", finishReason });
  }

  /** Drops it: nobody waits for it. */
  abort(): void {
    this.#over = true;
  }

  #finish(token: ModelToken): InfiniLmFinish | undefined {
    if (this.maxTokens !== 0 && this.generatedTokens >= this.maxTokens) return "length";
    if (token === EOS || endsWithStop(this.#text, this.#stop)) return "stop";
    return undefined;
  }
}
