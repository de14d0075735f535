import { Generation, type ModelToken } from "../../../src/sim/generation.ts";
import type { Step } from "../../../src/sim/scheduler.ts";
import type { Steps } from "../../../src/sim/step_loop.ts";

/** A clock whose steps end when the test says so. */
export class HandClock implements Steps {
  /** Every step that was begun, in words: its kind, its tokens, and who is in it. */
  readonly begun: string[] = [];
  readonly #names: ReadonlyMap<Generation, string>;
  #end: (() => void) | undefined;

  constructor(names: ReadonlyMap<Generation, string> = new Map()) {
    this.#names = names;
  }

  begin(): void {}

  pass({ kind, tokens, rows }: Step, signal: AbortSignal): Promise<void> {
    this.begun.push(`${kind} ${tokens} ${rows.map((row) => this.#names.get(row)).join("")}`);
    return new Promise((resolve, reject) => {
      this.#end = resolve;
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  }

  /** Ends so many steps, one after the other; gives what was begun meanwhile. */
  async steps(count: number): Promise<string[]> {
    const before = this.begun.length;
    for (let step = 0; step < count; step++) {
      const end = this.#end;
      this.#end = undefined;
      end?.();
      // The loop needs a few turns from one step's end to the next one's begin.
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    }
    return this.begun.slice(before);
  }
}

/** An answer that the model itself never ends: t0 t1 t2 … */
export function generation(
  of: { prompt: number | string[]; maxTokens?: number; stop?: unknown; stream?: boolean },
): Generation {
  const { prompt, maxTokens = 100, stop, stream = true } = of;
  const promptTokens = typeof prompt === "number" ? tokens("p", prompt) : prompt;
  return new Generation({ promptTokens, maxTokens, stop, stream, model: counting() });
}

/** So many tokens that begin with a letter: two letters have nothing in common. */
export function tokens(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${letter}${index}`);
}

function* counting(): Generator<ModelToken> {
  for (let token = 0;; token++) yield ` t${token}`;
}
