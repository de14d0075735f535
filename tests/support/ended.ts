import { within } from "./within.ts";

/** What a command that has ended left behind. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/**
 * Runs a command that pipes its output to its end. One that takes longer than `ms` is killed, and the
 * error says what it printed.
 */
export async function runToEnd(
  command: Deno.Command,
  { what, ms = 30_000 }: { what: string; ms?: number },
): Promise<Ended> {
  const child = command.spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    try {
      child.kill("SIGKILL");
    } catch {
      // it has ended; a child of its own holds its output open
    }
  }, ms);
  try {
    const output = await within(child.output(), `the end of ${what}`, { ms: ms + 5000 });
    const [out, err] = [output.stdout, output.stderr].map((bytes) =>
      new TextDecoder().decode(bytes)
    );
    if (late) {
      throw new Error(`${what} did not end within ${ms / 1000} s; it printed: ${out}${err}`);
    }
    return { code: output.code, out: out!, err: err! };
  } finally {
    clearTimeout(timer);
  }
}
