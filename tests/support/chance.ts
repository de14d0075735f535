import { seeded } from "../contract/policy.ts";

/** Random choices that a seed repeats. */
export class Chance {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  /** From 0 up to `below`. */
  number(below = 1): number {
    return this.#random() * below;
  }

  integer(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1));
  }

  is(share: number): boolean {
    return this.#random() < share;
  }

  one<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!;
  }
}
