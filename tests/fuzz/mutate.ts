import { Chance } from "../support/chance.ts";

/** Changes bytes as nobody would think of, again in the same way for the same seed. */
export class Mutator {
  readonly #chance: Chance;
  readonly #corpus: readonly string[];
  /** What is put into inputs, beside single characters. */
  readonly #words: readonly string[];

  /** Texts are bytes, one character each. */
  constructor(
    seed: number,
    { corpus, words }: { corpus: readonly string[]; words: readonly string[] },
  ) {
    this.#chance = new Chance(seed);
    this.#corpus = corpus;
    this.#words = words;
  }

  /** Another input: one of the corpus as it is, now and then, else changed up to eight times. */
  next(): string {
    const chance = this.#chance;
    let text = chance.one(this.#corpus);
    if (chance.is(0.05)) return text;
    for (let left = chance.one([1, 1, 1, 2, 2, 4, 8]); left > 0; left--) text = this.#changed(text);
    return text.slice(0, 200_000);
  }

  #changed(text: string): string {
    const chance = this.#chance;
    const at = chance.integer(0, text.length);
    const length = chance.is(0.7) ? chance.integer(0, 4) : chance.integer(0, text.length);
    const put = (middle: string, dropped = 0): string =>
      text.slice(0, at) + middle + text.slice(at + dropped);
    switch (chance.integer(0, 7)) {
      case 0:
        return put("", length);
      case 1:
        return put(String.fromCharCode(chance.integer(0, 255)), 1);
      case 2:
        return put(text.slice(at, at + length));
      case 3:
        return put(chance.one(this.#words));
      case 4:
        return put(chance.one(this.#words), length);
      case 5: {
        const other = chance.one(this.#corpus);
        return text.slice(0, at) + other.slice(chance.integer(0, other.length));
      }
      case 6:
        return text.replace(
          /\d+/,
          chance.one(["0", "1", "-1", "00", "9".repeat(20), "1e3", "0x1"]),
        );
      default:
        return put(
          chance.one(["A", "\0", " ", "\r\n", "{", "é"]).repeat(chance.one([2, 100, 70_000])),
        );
    }
  }

  /** Where an input is cut into pieces. */
  pieces(bytes: Uint8Array): Uint8Array[] {
    const chance = this.#chance;
    if (chance.is(0.1) && bytes.length < 2000) {
      return Array.from(bytes, (byte) => Uint8Array.of(byte));
    }
    const places = Array.from(
      { length: chance.integer(0, 4) },
      () => chance.integer(0, bytes.length),
    );
    const all = [0, ...places.sort((a, b) => a - b), bytes.length];
    return all.slice(1).map((place, index) => bytes.subarray(all[index], place));
  }

  get chance(): Chance {
    return this.#chance;
  }
}
