const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Waits for SIGTERM or SIGINT, then for `drain`; another signal meanwhile ends the process at once.
 */
export async function untilStopped(drain: (signal: string) => Promise<void>): Promise<void> {
  const first = Promise.withResolvers<string>();
  let stopping = false;
  for (const [name, exitCode] of Object.entries(SIGNALS)) {
    Deno.addSignalListener(name as Deno.Signal, () => {
      if (stopping) Deno.exit(exitCode);
      stopping = true;
      first.resolve(name);
    });
  }
  await drain(await first.promise);
}
