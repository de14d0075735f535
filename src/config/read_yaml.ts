import { parse } from "@std/yaml";
import { shown } from "./_shown.ts";
import { BEYOND_BOUND, withinBound } from "./value_bound.ts";
import { type Fault, YamlSource } from "./yaml_source.ts";

const LARGEST_BYTES = 1024 * 1024;
const MOST_ALIASES = 2000;
const MOST_OPEN_BRACKETS = 100;

/** What a text says as YAML. */
export interface ReadYaml {
  /** A mapping of bounded size; `undefined` if there is nothing to go on with. */
  value: object | undefined;
  faults: Fault[];
}

/**
 * Reads a text as one YAML mapping, in the core schema.
 *
 * What two YAML readers could understand differently (tags, tabs, octal numbers, control
 * characters) is a fault, so that it does not matter which of them stands behind `@std/yaml`.
 */
export function readYaml(text: string): ReadYaml {
  const unfit = textFault(text) ?? sprawlFault(text);
  if (unfit !== undefined) return { value: undefined, faults: [unfit] };

  let value: unknown;
  try {
    value = parse(text, { schema: "core" });
  } catch (error) {
    return afterFailure(text, error);
  }
  if (!MAY_BE_AMBIGUOUS.test(text)) return whole(value, { text, faults: [] });
  const source = new YamlSource(text);
  const syntax = source.syntaxFault();
  if (syntax !== undefined) return { value: undefined, faults: [syntax] };
  return whole(value, { text, faults: faultsOf(source) });
}

/**
 * Cheap signs of tags, tabs, unclear numbers and text behind a closing bracket: where readers
 * differ, `YamlSource` judges.
 */
const MAY_BE_AMBIGUOUS =
  /\t|[\]}] *[^\s,\]}#:]|(?:^|[\s[{,:])(?:!|[-+]?(?:0[0-9box_]|[0-9][0-9_.]*_))/im;

function faultsOf(source: YamlSource): Fault[] {
  return [...source.structureFaults(), ...source.ambiguityFaults()];
}

function textFault(text: string): Fault | undefined {
  if (new TextEncoder().encode(text).length > LARGEST_BYTES) {
    return { line: 1, column: 1, message: "the file is larger than 1MiB: is it a config file?" };
  }
  // U+FFFD is what the decoder leaves of bytes that are not UTF-8.
  const index = text.search(/(?![\t\n\r\u0085])\p{Cc}|\p{Cs}|[\uFFFD-\uFFFF]/u);
  if (index < 0) return undefined;
  const before = text.slice(0, index).split("\n");
  const code = text.charCodeAt(index).toString(16).toUpperCase().padStart(4, "0");
  return {
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
    message: `holds the character U+${code}: a config file is plain UTF-8 text`,
  };
}

/**
 * Refuses what YAML readers take minutes for: their time grows with the square of the number of
 * open brackets and of aliases. Comments and quoted text are counted too, because only a reader
 * could tell them apart.
 */
function sprawlFault(text: string): Fault | undefined {
  const aliases = text.match(/(?<![^\s[{,:-])\*[^\s,\]}]/g) ?? [];
  let open = 0;
  let deepest = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    open = Math.max(0, open + (bracket === "[" || bracket === "{" ? 1 : -1));
    deepest = Math.max(deepest, open);
  }
  if (aliases.length <= MOST_ALIASES && deepest <= MOST_OPEN_BRACKETS) return undefined;
  const message = aliases.length > MOST_ALIASES
    ? `too much for a config file: at most ${MOST_ALIASES} aliases`
    : `too much for a config file: at most ${MOST_OPEN_BRACKETS} brackets open at a time`;
  return { line: 1, column: 1, message };
}

function afterFailure(text: string, error: unknown): ReadYaml {
  const source = new YamlSource(text);
  const syntax = source.syntaxFault();
  if (syntax !== undefined) return { value: undefined, faults: [syntax] };

  const faults = faultsOf(source);
  let value: unknown;
  try {
    value = source.value();
  } catch {
    // An alias inside its own anchor, or an overflow of the stack.
    const beyond = { ...placeIn(error), message: BEYOND_BOUND };
    return { value: undefined, faults: faults.length > 0 ? faults : [beyond] };
  }
  if (faults.length === 0 && error instanceof SyntaxError) {
    return { value: undefined, faults: [{ ...placeIn(error), message: "not valid YAML" }] };
  }
  // Duplicate keys, or more aliases than the reader allows: the rest can be checked all the same,
  // so that every problem comes at once.
  return whole(value, { text, faults });
}

/** The place that the reader's own error names, if it names one. */
function placeIn(error: unknown): { line: number; column: number } {
  const { line, column } = error as { line?: unknown; column?: unknown };
  return typeof line === "number" && typeof column === "number"
    ? { line, column }
    : { line: 1, column: 1 };
}

/** Lets pass only a mapping of bounded size. */
function whole(value: unknown, { text, faults }: { text: string; faults: Fault[] }): ReadYaml {
  if (value === null || value === undefined) {
    return refused([], "the file is empty: at least `backends` is needed");
  }
  if (typeof value !== "object" || Array.isArray(value)) {
    return refused(
      [],
      `the file must be a mapping of keys such as backends, received ${shown(value)}`,
    );
  }
  for (const [key, part] of Object.entries(value)) {
    if (!withinBound(part)) return refused([key], BEYOND_BOUND);
  }
  return { value, faults };

  function refused(path: string[], message: string): ReadYaml {
    const place = new YamlSource(text).valueAt(path);
    return { value: undefined, faults: [...faults, { ...place, message }] };
  }
}
