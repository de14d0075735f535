import { type Block, blockKey, BlockPool } from "./block_pool.ts";
import type { Generation } from "./generation.ts";
import { countWaiting, type Scheduler, type Step } from "./scheduler.ts";

/** How large the KV cache is, and how much is computed at once. */
export interface PagedOptions {
  /** Default 512. */
  blocks?: number;
  /** Tokens of a block. Default 256. */
  blockSize?: number;
  /** Answers that go on in one step; the others take turns. Default 8. */
  rows?: number;
  /** Prompt tokens of one step; a single longer prompt passes. Default 32768. */
  prefillTokens?: number;
}

/**
 * InfiniLM's paged KV cache: new prompts before everything else, all that find blocks at once; then
 * so many answers a step, in turn. What needs more blocks than there are waits for ever.
 */
export class PagedScheduler implements Scheduler {
  readonly #blockSize: number;
  readonly #rows: number;
  readonly #prefillTokens: number;
  readonly #pool: BlockPool;
  readonly #tables = new Map<Generation, Block[]>();
  #queue: Generation[] = [];
  #running: Generation[] = [];

  constructor(options: PagedOptions = {}) {
    this.#blockSize = options.blockSize ?? 256;
    this.#rows = options.rows ?? 8;
    this.#prefillTokens = options.prefillTokens ?? 32_768;
    this.#pool = new BlockPool(options.blocks ?? 512);
  }

  get waiting(): number {
    return countWaiting(this.#queue);
  }

  add(generation: Generation): void {
    this.#queue.push(generation);
  }

  schedule(): Step | undefined {
    this.#dropOver();
    return this.#prefill() ?? this.#decode();
  }

  settle({ rows, kind }: Step): void {
    if (kind === "prefill") {
      for (const row of rows) for (const block of this.#table(row)) this.#pool.publish(block);
    }
    this.#running.push(...rows);
  }

  /** What is over gives its blocks back; full ones can still be reused. */
  #dropOver(): void {
    this.#queue = this.#queue.filter(({ over }) => !over);
    for (const [generation, table] of this.#tables) {
      if (!generation.over) continue;
      this.#tables.delete(generation);
      for (const block of table.toReversed()) this.#pool.release(block);
    }
    this.#running = this.#running.filter(({ over }) => !over);
  }

  #prefill(): Step | undefined {
    const rows: Generation[] = [];
    let tokens = 0;
    let reserved = this.#running.reduce((sum, running) => sum + this.#stillToCome(running), 0);
    const left: Generation[] = [];
    for (const generation of this.#queue) {
      const { promptTokens } = generation;
      const needed = this.#blocksFor(promptTokens.length + generation.maxTokens);
      const room = rows.length === 0 || tokens + promptTokens.length <= this.#prefillTokens;
      if (!room || reserved + needed > this.#pool.usable) {
        left.push(generation);
        continue;
      }
      generation.computedTokens = this.#reserve(generation);
      tokens += generation.computedTokens;
      reserved += this.#stillToCome(generation);
      rows.push(generation);
    }
    this.#queue = left;
    return rows.length === 0 ? undefined : { rows, kind: "prefill", tokens };
  }

  #decode(): Step | undefined {
    const rows = this.#running.splice(0, this.#rows);
    if (rows.length === 0) return undefined;
    for (const row of rows) this.#grow(row);
    return { rows, kind: "decode", tokens: rows.length };
  }

  /** Takes the blocks of a prompt; gives the number of tokens that were not cached. */
  #reserve(generation: Generation): number {
    const { promptTokens } = generation;
    const size = this.#blockSize;
    const table: Block[] = [];
    this.#tables.set(generation, table);
    let cached = 0;
    for (let at = 0; at < promptTokens.length; at += size) {
      const tokens = promptTokens.slice(at, at + size);
      const key = tokens.length === size ? blockKey(tokens, table.at(-1)) : undefined;
      // The last token is always computed, and nothing after a block that was not there is.
      const reusable = key !== undefined && cached === at && at + size < promptTokens.length;
      const known = reusable ? this.#pool.reuse(key) : undefined;
      if (known !== undefined) cached += size;
      const block = known ?? this.#pool.take();
      block.key ??= key;
      table.push(block);
    }
    return promptTokens.length - cached;
  }

  /** Makes room for an answer's next token. Throws a `PythonError` if there is none. */
  #grow(row: Generation): void {
    if (row.length % this.#blockSize !== 1) return;
    const table = this.#table(row);
    const last = table.at(-1);
    if (last !== undefined && last.key === undefined) {
      last.key = blockKey(
        row.tokens(row.length - 1 - this.#blockSize, row.length - 1),
        table.at(-2),
      );
      this.#pool.publish(last);
    }
    table.push(this.#pool.take());
  }

  /** Blocks that an answer may still ask for, beyond those it has. */
  #stillToCome({ maxTokens, generatedTokens }: Generation): number {
    return this.#blocksFor(maxTokens - generatedTokens);
  }

  #blocksFor(tokens: number): number {
    return Math.max(0, Math.ceil(tokens / this.#blockSize));
  }

  #table(generation: Generation): Block[] {
    return this.#tables.get(generation) ?? [];
  }
}
