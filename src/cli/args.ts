import { parseArgs, type ParseArgsConfig } from "node:util";
import { CliError, EXIT } from "./exit.ts";

/** One flag of a verb. */
export interface Flag {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** The name of its value in the help. */
  readonly value?: string;
  readonly help: string;
}

export type Flags = Readonly<Record<string, Flag>>;

/** What the command line gave; a flag that was not given is undefined. */
export interface ParsedArgs {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
}

/** Reads a verb's flags. Throws `CliError` (64) naming the first one that is wrong. */
export function readFlags(
  args: readonly string[],
  { flags, verb, maxPositionals = 0 }: { flags: Flags; verb: string; maxPositionals?: number },
): ParsedArgs {
  const hint = `see infinilm-router ${verb} --help`;
  const options: NonNullable<ParseArgsConfig["options"]> = {};
  for (const [name, { type, short }] of Object.entries(flags)) {
    options[name] = short === undefined ? { type } : { type, short };
  }
  let parsed: ParsedArgs;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      strict: true,
    });
    parsed = { values: values as ParsedArgs["values"], positionals };
  } catch (error) {
    const [reason] = (error as Error).message.split(/\.(?:\s|$)/);
    throw new CliError(`infinilm-router ${verb}: ${reason}; ${hint}`, EXIT.usage);
  }
  const extra = parsed.positionals[maxPositionals];
  if (extra !== undefined) {
    throw new CliError(
      `infinilm-router ${verb}: unexpected argument '${extra}'; ${hint}`,
      EXIT.usage,
    );
  }
  return parsed;
}

/** Plain digits: not all that JavaScript reads as a number (0x1F90, 1e3, +80) is one to a person. */
const INTEGER = /^[0-9]+$/;
const NUMBER = /^[0-9]+(\.[0-9]+)?$/;

/** What a number must be. */
export interface NumberBounds {
  min: number;
  max: number;
  integer?: boolean;
}

/** A flag's number. Throws `CliError` (64) unless it is one from `min` to `max`. */
export function numberFlag(
  { values }: ParsedArgs,
  { name, ...bounds }: NumberBounds & { name: string },
): number | undefined {
  const text = values[name];
  return typeof text === "string"
    ? readNumber(text, { called: `--${name}`, ...bounds })
    : undefined;
}

/** The number that a text is. Throws `CliError` (64), with what it is called, unless it is within bounds. */
export function readNumber(
  text: string,
  { called, min, max, integer = false }: NumberBounds & { called: string },
): number {
  const number = (integer ? INTEGER : NUMBER).test(text) ? Number(text) : NaN;
  if (!(number >= min && number <= max)) {
    const wanted = `${integer ? "an integer" : "a number"} from ${min} to ${max}`;
    throw new CliError(`${called} must be ${wanted}, received '${text}'`, EXIT.usage);
  }
  return number;
}

/** The flags of a verb as lines of its help. */
export function describeFlags(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, { short, value, help }]) => {
    const left = `${short === undefined ? "    " : `-${short}, `}--${name}${
      value === undefined ? "" : ` ${value}`
    }`;
    return [left, help] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, help]) => `  ${left.padEnd(width)}  ${help}`).join("\n");
}
