import type { Flags, ParsedArgs } from "./args.ts";

/** A command of the executable. */
export interface Verb {
  readonly name: string;
  /** One line for the list of verbs. */
  readonly summary: string;
  readonly flags: Flags;
  /** How it is called, and what for. */
  readonly examples: readonly string[];
  /** What else its help says. */
  readonly notes?: string;
  readonly maxPositionals?: number;
  /** Whether it may have files to write, and sees to that permission itself; any other has none. */
  readonly writes?: boolean;
  /** Returns the exit code. Throws `CliError` for what its user can mend. */
  readonly run: (args: ParsedArgs) => number | Promise<number>;
}
