/** Has long works wait for each other, so that all of them together take no more of the thread than one. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs it once those before it have ended, well or badly. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work);
    this.#last = next.catch(() => {});
    return next;
  }
}
