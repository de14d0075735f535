const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Waits for SIGTERM or SIGINT, then for `drain`; another signal meanwhile ends the process at once.
 */
export async function untilStopped(drain: (signal: string) => Promise<void>): Promise<void> {
  const first = Promise.withResolvers<string>();
  let stopping = false;
  const listeners = Object.entries(SIGNALS).map(([name, exitCode]) => {
    const signal = name as Deno.Signal;
    const listener = (): void => {
      if (stopping) Deno.exit(exitCode);
      stopping = true;
      first.resolve(signal);
    };
    Deno.addSignalListener(signal, listener);
    return { signal, listener };
  });
  await drain(await first.promise);
  for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
}
