export interface SignalLoopOptions {
  /** Begun by the first SIGTERM or SIGINT, which it is told. */
  drain: (signal: Deno.Signal) => Promise<void>;
  /** Begun by SIGHUP, never twice at a time. Without it SIGHUP ends the process, as if unheard. */
  reload?: () => void | Promise<void>;
  /** Hears a signal from now on. Default: the process's own. */
  on?: (signal: Deno.Signal, listener: () => void) => void;
  /** Ends the process at once. Default: the process's own. */
  exit?: (code: number) => void;
}

/** What ends the process, and as what: 128 and the signal's number. */
const ENDING = [["SIGINT", 130], ["SIGTERM", 143]] as const;

/**
 * Heeds the process's signals until SIGTERM or SIGINT, then waits for `drain`; one more of these
 * meanwhile ends the process at once. Rejects as `drain` does.
 */
export async function signalLoop(
  { drain, reload, on = Deno.addSignalListener, exit = Deno.exit }: SignalLoopOptions,
): Promise<void> {
  const first = Promise.withResolvers<Deno.Signal>();
  let stopping = false;
  for (const [signal, exitCode] of ENDING) {
    on(signal, () => {
      if (stopping) exit(exitCode);
      stopping = true;
      first.resolve(signal);
    });
  }
  if (reload !== undefined) {
    const again = oneAtATime(reload, () => !stopping);
    on("SIGHUP", () => void again());
  }
  // No listener is ever taken away: its signal would end a process that is about to exit with 0.
  await drain(await first.promise);
}

/** Runs `task` for every call, but once for all calls that come while it runs, after it. */
function oneAtATime(task: () => void | Promise<void>, wanted: () => boolean): () => Promise<void> {
  let asked = false;
  let running = false;
  return async () => {
    asked = true;
    if (running) return;
    running = true;
    try {
      while (asked && wanted()) {
        asked = false;
        await task();
      }
    } finally {
      running = false;
    }
  };
}
