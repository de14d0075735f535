/** How often something has happened in the last seconds, this one included, in steps of whole seconds. */
export class RecentCount {
  readonly #seconds: number;
  readonly #now: () => number;
  readonly #counts: Uint32Array;
  #second = 0;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(seconds: number, now: () => number) {
    this.#seconds = seconds;
    this.#now = now;
    this.#counts = new Uint32Array(seconds);
  }

  add(): void {
    this.#counts[this.#place()]! += 1;
  }

  get total(): number {
    this.#place();
    let sum = 0;
    for (const count of this.#counts) sum += count;
    return sum;
  }

  get inThisSecond(): number {
    return this.#counts[this.#place()]!;
  }

  clear(): void {
    this.#counts.fill(0);
  }

  /** Where the present second is counted; the places of past ones are emptied. */
  #place(): number {
    const second = Math.floor(this.#now() / 1000);
    const first = Math.max(this.#second + 1, second - this.#seconds + 1);
    for (let passed = first; passed <= second; passed++) this.#counts[passed % this.#seconds] = 0;
    this.#second = second;
    return second % this.#seconds;
  }
}
