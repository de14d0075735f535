import type { Cutoff } from "./cutoff.ts";

/** Resolves after so many milliseconds, or as soon as the call is ended from outside. */
export function pause(ms: number, cutoff: Cutoff): Promise<void> {
  if (cutoff.stopped) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      cutoff.off(done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    cutoff.on(done);
  });
}
