import { type ParsedArgs, readNumber } from "./args.ts";

/** A number of InfiniLM-SVC's and the bounds of our key; what is beyond these becomes the nearest. */
export interface SvcNumber {
  /** The flag with its dashes, or the variable. */
  source: string;
  key: string;
  unit: "s" | "B" | "";
  /** What it is there where it is not given. */
  fallback: number;
  min: number;
  max: number;
  /** What may be given at most, beyond which it is a mistake; default: all that a number can hold. */
  most?: number;
  /** What else is to be known of it. */
  note?: string;
}

/** A number as the configuration has it. */
export interface SvcValue {
  value: number;
  /** With its key, and comments: what is to be known of it above, behind it where it comes from. */
  lines: string[];
}

/** What InfiniLM-SVC's router was told: reads it piece by piece, and remembers what has become of it. */
export class SvcTold {
  /** What was given, and the key that it has become. */
  readonly mapped: { given: string; key: string; value: string }[] = [];
  /** What is not quite as it was given, for people. */
  readonly notes: string[] = [];
  readonly #args: ParsedArgs;
  readonly #env: (name: string) => string | undefined;

  constructor(args: ParsedArgs, env: (name: string) => string | undefined) {
    this.#args = args;
    this.#env = env;
  }

  /** A flag, named with its dashes, or a variable; undefined if it is not given. */
  text(source: string): string | undefined {
    // An empty variable is none: compose files pass on those that are not set like that.
    if (!source.startsWith("--")) return this.#env(source) || undefined;
    return this.#args.values[source.slice(2)] as string | undefined;
  }

  /** Throws `CliError` (64) if it is no number. */
  number(setting: SvcNumber): SvcValue {
    const { source, key, unit, fallback, min, max, note } = setting;
    const given = this.#read(setting);
    const there = given ?? fallback;
    const value = Math.min(Math.max(there, min), max);
    const shown = `${value}${unit}`;
    const cut = value === there
      ? undefined
      : `${there}${unit} there, at ${value < there ? "most" : "least"} ${shown} here`;
    if (given !== undefined) this.became(`${source} ${given}`, { key, value: shown });
    if (cut !== undefined) this.notes.push(`${source}: ${cut}`);
    const origin = given === undefined ? `InfiniLM-SVC's default for ${source}` : source;
    const comment = cut === undefined ? origin : `${origin}; ${cut}`;
    const line = `${key.split(".").at(-1)}: ${shown} # ${comment}`;
    return { value, lines: note === undefined ? [line] : [`# ${note}`, line] };
  }

  /** A number that means nothing here: one that is wrong is wrong all the same. Returns a comment, if it is given. */
  idle(setting: SvcNumber, why: string): string[] {
    if (this.#read(setting) === undefined) return [];
    const note = `${setting.source}: ${why}`;
    this.notes.push(note);
    return [`# ${note}`];
  }

  became(given: string, what: { key: string; value: string }): void {
    this.mapped.push({ given, ...what });
  }

  #read({ source, most = Number.MAX_SAFE_INTEGER }: SvcNumber): number | undefined {
    const given = this.text(source);
    if (given === undefined) return undefined;
    return readNumber(given, { called: source, min: 0, max: most, integer: true });
  }
}
