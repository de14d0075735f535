/** Exit codes, as sysexits(3) names them. */
export const EXIT = {
  ok: 0,
  usage: 64,
  noInput: 66,
  unavailable: 69,
  software: 70,
  noPermission: 77,
  config: 78,
} as const;

/** Ends a command: one or more lines for the person at the terminal, and the exit code. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}
