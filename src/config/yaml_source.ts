import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from "yaml";
import { shownName } from "./_shown.ts";
import type { KeyPath } from "./interpolate.ts";

/** A place in the text, both numbers 1-based. */
export interface Position {
  line: number;
  column: number;
}

/** A problem of the text itself, not of what it means. */
export interface Fault extends Position {
  message: string;
}

const START: Position = { line: 1, column: 1 };

/**
 * A YAML text with the places of its keys and values.
 *
 * `@std/yaml` gives values but no places; this second, slower reading exists to say where
 * something is wrong, so it never throws: what cannot be found stands at the nearest place known.
 */
export class YamlSource {
  readonly #document: Document.Parsed | undefined;
  readonly #lines = new LineCounter();
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    try {
      this.#document = parseDocument(text, {
        schema: "core",
        merge: false,
        uniqueKeys: false,
        prettyErrors: false,
        lineCounter: this.#lines,
      });
    } catch {
      // Some hundred levels of nesting overflow the stack of every YAML reader.
      this.#document = undefined;
    }
  }

  /** The first syntax error (the rest mostly follows from it), or `undefined`. */
  syntaxFault(): Fault | undefined {
    if (this.#document === undefined) return { ...START, message: "is nested too deeply" };
    const [first] = this.#document.errors.toSorted((a, b) => a.pos[0] - b.pos[0]);
    if (first === undefined) return undefined;
    const place = this.#at(first.pos[0]);
    const line = this.#text.split("\n")[place.line - 1] ?? "";
    const hint = /[[{,].*\$\{/.test(line)
      ? " (inside { } or [ ], put quotes around `${…}`)"
      : /\*(?=[\s\],}]|$)/.test(line)
      ? ' (put quotes around a `*`: "*")'
      : "";
    return { ...place, message: inOurWords(first) + hint };
  }

  /** Every key that a mapping has twice, and every alias without an anchor. */
  structureFaults(): Fault[] {
    const faults: Fault[] = [];
    // In the order of the text, because an alias refers to an anchor that stands before it.
    const anchors = new Set<string>();
    visit(this.#document ?? null, {
      Node: (_, node) => {
        if (isAlias(node)) {
          if (!anchors.has(node.source)) {
            faults.push({ ...this.#of(node), message: "an alias without an anchor of its name" });
          }
          return;
        }
        if (node.anchor !== undefined) anchors.add(node.anchor);
        if (isMap(node)) faults.push(...this.#duplicateKeys(node));
      },
    });
    return faults;
  }

  /** Tags, and numbers that YAML readers understand differently: `010` is 8, 10 or text. */
  ambiguityFaults(): Fault[] {
    const faults: Fault[] = [];
    visit(this.#document ?? null, {
      Node: (_, node) => {
        if (!isAlias(node) && node.tag !== undefined) {
          faults.push({
            ...this.#of(node),
            message: `tags such as ${shownName(node.tag)} have no meaning here`,
          });
        }
        if (isScalar(node) && node.type === "PLAIN" && UNCLEAR_NUMBER.test(node.source ?? "")) {
          const message = `${shownName(node.source ?? "")} is not the same number to every YAML ` +
            "reader: write it in plain decimal, or in quotes if it is text";
          faults.push({ ...this.#of(node), message });
        }
      },
    });
    return faults;
  }

  /** The value as this reading has it; throws where aliases or nesting make that impossible. */
  value(): unknown {
    // The bound on aliases is the caller's, on the value: see value_bound.ts.
    return this.#document?.toJS({ maxAliasCount: -1 });
  }

  /** The place of a value; of its key where the value is empty; of its parent where it is missing. */
  valueAt(path: KeyPath): Position {
    let place = START;
    let node: unknown = this.#document?.contents;
    if (hasText(node)) place = this.#of(node);
    for (const segment of path) {
      const inner = this.#withoutAlias(node);
      if (isSeq(inner)) {
        node = inner.items[Number(segment)];
      } else {
        const pair = isMap(inner) ? pairOf(inner, String(segment)) : undefined;
        if (pair === undefined) return place;
        place = this.#of(pair.key);
        node = pair.value;
      }
      if (hasText(node)) place = this.#of(node);
    }
    return place;
  }

  /** The keys of the mapping at a path as they are written, each with its place. */
  keysAt(path: KeyPath): (Position & { name: string })[] {
    let node: unknown = this.#document?.contents;
    for (const segment of path) {
      const inner = this.#withoutAlias(node);
      if (isSeq(inner)) node = inner.items[Number(segment)];
      else node = isMap(inner) ? pairOf(inner, String(segment))?.value : undefined;
    }
    const map = this.#withoutAlias(node);
    if (!isMap(map)) return [];
    return map.items.map(({ key }) => ({ name: nameOf(key), ...this.#of(key) }));
  }

  #duplicateKeys(map: YAMLMap): Fault[] {
    const seen = new Set<string>();
    const again = map.items.filter(({ key }) => {
      const name = nameOf(key);
      const known = seen.has(name);
      seen.add(name);
      return known;
    });
    return again.map(({ key }) => ({
      ...this.#of(key),
      message: `duplicate key ${shownName(nameOf(key))}`,
    }));
  }

  #withoutAlias(node: unknown): unknown {
    return isAlias(node) && this.#document ? node.resolve(this.#document) : node;
  }

  #of(node: unknown): Position {
    const offset = isPair(node) ? undefined : (node as Node | null)?.range?.[0];
    return offset === undefined ? START : this.#at(offset);
  }

  #at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

/** Octal and binary of YAML 1.1 and 1.2, hexadecimal, a zero in front, digits in groups. */
const UNCLEAR_NUMBER = /^[-+]?(?:0[0-9box_][0-9a-f_]*|[0-9.]+_[0-9_.]*)$/i;

function inOurWords({ code, message }: { code: string; message: string }): string {
  if (code === "TAB_AS_INDENT") return "not valid YAML: a tab cannot indent, use spaces";
  if (code === "MISSING_CHAR" && message.endsWith("quote")) {
    return "not valid YAML: a quote is not closed";
  }
  // The YAML reader puts its own overflow of the stack into words of the first kind.
  if (/call stack|stack overflow/i.test(message)) return "is nested too deeply";
  if (code === "MULTIPLE_DOCS") return "a second document begins here: a config file is one";
  // What follows the colon is a piece of the file, and that may be a secret.
  return `not valid YAML: ${message.split("\n")[0]?.replace(/: ".*/s, "")}`;
}

function hasText(node: unknown): boolean {
  if (isScalar(node)) return node.range?.[0] !== node.range?.[1];
  return isMap(node) || isSeq(node) || isAlias(node);
}

/** Of a key that stands there twice, the last one has the value. */
function pairOf(map: YAMLMap, name: string): Pair | undefined {
  return map.items.findLast(({ key }) => nameOf(key) === name);
}

function nameOf(key: unknown): string {
  if (isScalar(key)) return typeof key.value === "string" ? key.value : key.source ?? "";
  return isAlias(key) ? `*${key.source}` : "[…]";
}
