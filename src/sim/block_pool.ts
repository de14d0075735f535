import { PythonError } from "./python_values.ts";

/** One block of the KV cache. */
export interface Block {
  readonly id: number;
  /** Answers that use it. */
  references: number;
  /** What is in it and before it, if it is full. */
  key?: string;
}

/** The blocks of a paged KV cache. Full ones stay after their use, until their place is needed. */
export class BlockPool {
  readonly #known = new Map<string, Block>();
  /** Full blocks that nobody uses, the longest unused first. */
  readonly #unused = new Set<Block>();
  #free: number;
  #lastId = 0;

  constructor(blocks: number) {
    this.#free = blocks;
  }

  /** Blocks that can be taken. */
  get usable(): number {
    return this.#free + this.#unused.size;
  }

  /** An empty block. Throws a `PythonError` if there is none. */
  take(): Block {
    if (this.#free > 0) this.#free--;
    else this.#evict();
    return { id: ++this.#lastId, references: 1 };
  }

  /** The block with this content, if it is there, and uses it. */
  reuse(key: string): Block | undefined {
    const block = this.#known.get(key);
    if (block === undefined) return undefined;
    block.references++;
    this.#unused.delete(block);
    return block;
  }

  /** A block has been computed and can be reused. */
  publish(block: Block): void {
    if (block.key === undefined) return;
    if (this.#known.has(block.key)) block.key = undefined; // computed twice at the same time
    else this.#known.set(block.key, block);
  }

  /** Somebody has no more use for a block. */
  release(block: Block): void {
    if (--block.references > 0) return;
    if (block.key !== undefined && this.#known.get(block.key) === block) this.#unused.add(block);
    else this.#free++;
  }

  #evict(): void {
    for (const block of this.#unused) {
      this.#unused.delete(block);
      this.#known.delete(block.key!);
      return;
    }
    throw new PythonError("No available cache blocks");
  }
}

/** What decides whether a block can be reused: its tokens, and all before it. */
export function blockKey(tokens: readonly string[], before: Block | undefined): string {
  return `${before?.id ?? 0}\u0000${tokens.join("\u0001")}`;
}
