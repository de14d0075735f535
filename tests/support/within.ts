/** The real ones, also while a test has put a fake clock in their place. */
const { setTimeout, clearTimeout } = globalThis;

export interface WithinOptions {
  /** Ten seconds unless given. */
  ms?: number;
  /** What there is instead of that which is waited for. */
  seen?: () => unknown;
}

/** What the promise resolves to; rejects with `what` if that is not within `ms`. */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  { ms = 10_000, seen }: WithinOptions = {},
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const instead = seen === undefined ? "" : `; seen: ${Deno.inspect(seen())}`;
      reject(new Error(`not within ${ms / 1000} s: ${what}${instead}`));
    }, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
