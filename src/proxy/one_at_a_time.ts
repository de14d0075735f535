import type { Stop } from "../upstream/stop.ts";

/** Has long works wait for each other, so that all of them together take no more of the thread than one. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Runs it once those before it have ended, well or badly. Whoever is stopped meanwhile waits no more, and the work,
   * with what it holds, is dropped: undefined.
   */
  run<T>(work: () => Promise<T>, stop: Stop): Promise<T | undefined> {
    let left: (() => Promise<T>) | undefined = work;
    return new Promise((resolve, reject) => {
      const onStop = (): void => {
        left = undefined;
        resolve(undefined);
      };
      if (stop.stopped) return onStop();
      stop.on(onStop);
      const mine = async (): Promise<void> => {
        stop.off(onStop);
        const now = left;
        left = undefined;
        if (now !== undefined) await now().then(resolve, reject);
      };
      this.#last = this.#last.then(mine);
    });
  }
}
