export interface SilentOptions {
  /** How long until it is asked first, and then between two times, milliseconds. */
  readonly firstMs: number;
  readonly everyMs: number;
  /** Whether the wait may be over. */
  readonly enough: () => boolean;
}

/** Waits for what is to come, but no longer than is enough: whether it is still to come. */
export function isSilent(
  coming: Promise<unknown>,
  { firstMs, everyMs, enough }: SilentOptions,
): Promise<boolean> {
  return new Promise((resolve) => {
    let timer: ReturnType<typeof setTimeout>;
    const settle = (silent: boolean): void => {
      clearTimeout(timer);
      resolve(silent);
    };
    const ask = (ms: number): void => {
      timer = setTimeout(() => enough() ? settle(true) : ask(everyMs), ms);
    };
    ask(firstMs);
    coming.then(() => settle(false), () => settle(false));
  });
}
