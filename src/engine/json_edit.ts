/** Where a value stands in a parsed JSON text. */
export type JsonPath = readonly (string | number)[];

/** One change to a JSON text. */
export type JsonEdit =
  /** The value at the path becomes another; a member of the whole object that is not there is added to it. */
  | { readonly path: JsonPath; readonly value: unknown }
  /** The member at the path gets another name. */
  | { readonly path: JsonPath; readonly name: string };

interface Span {
  readonly start: number;
  readonly end: number;
}

/** A member of an object, or an item of a list, which has no name. */
interface Member {
  readonly name: Span | undefined;
  readonly key: string | number;
  readonly value: Span;
}

interface Patch extends Span {
  readonly text: string;
}

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Changes a JSON text, an object, on its bytes: all that is not named by an edit stays as it was written,
 * numbers, order, spaces and escapes included. The text must be valid JSON. Of members of one name the last
 * counts, as for parsers.
 */
export function editJson(bytes: Uint8Array, edits: readonly JsonEdit[]): Uint8Array {
  const all = edits.map((edit) => ({ edit, path: edit.path }));
  const patches = patchesIn(bytes, skipBlanks(bytes, 0), { edits: all, whole: true }).sort((
    one,
    other,
  ) => one.start - other.start || one.end - other.end);
  if (patches.length === 0) return bytes;
  const texts = patches.map(({ text }) => encoder.encode(text));
  const grown = patches.reduce(
    (sum, { start, end }, index) => sum + texts[index]!.length - (end - start),
    0,
  );
  const out = new Uint8Array(bytes.length + grown);
  let from = 0;
  let to = 0;
  patches.forEach(({ start, end }, index) => {
    out.set(bytes.subarray(from, start), to);
    to += start - from;
    out.set(texts[index]!, to);
    to += texts[index]!.length;
    from = end;
  });
  out.set(bytes.subarray(from), to);
  return out;
}

/** What stands before and behind the value at a path; undefined if there is none. */
export function around(
  bytes: Uint8Array,
  path: JsonPath,
): [before: Uint8Array, behind: Uint8Array] | undefined {
  const parent = startOf(bytes, path.slice(0, -1));
  const key = path.at(-1);
  if (parent === undefined || key === undefined) return undefined;
  const value = memberOf(bytes, parent, key)?.value;
  return value && [bytes.subarray(0, value.start), bytes.subarray(value.end)];
}

interface Below {
  readonly edit: JsonEdit;
  /** What of its path is left. */
  readonly path: JsonPath;
}

/** All patches in the object or list that begins there: one walk over each, however many edits there are. */
function patchesIn(
  bytes: Uint8Array,
  start: number,
  { edits, whole = false }: { edits: readonly Below[]; whole?: boolean },
): Patch[] {
  const byKey = Map.groupBy(edits, ({ path }) => path[0]);
  const found = new Map<string | number, Member>();
  for (const member of membersOf(bytes, start)) {
    if (byKey.has(member.key)) found.set(member.key, member); // the last of one name counts
  }
  return [...byKey].flatMap(([key, below]) => {
    const member = found.get(key!);
    const here = below.filter(({ path }) => path.length === 1).flatMap(({ edit }) =>
      patchOf(bytes, { edit, member, added: whole ? start : undefined })
    );
    const deeper = below.filter(({ path }) => path.length > 1)
      .map(({ edit, path }) => ({ edit, path: path.slice(1) }));
    if (member === undefined || deeper.length === 0) return here;
    return [...here, ...patchesIn(bytes, member.value.start, { edits: deeper })];
  });
}

/** `added`: where the object begins to which a member that is not there may be added. */
function patchOf(
  bytes: Uint8Array,
  { edit, member, added }: {
    edit: JsonEdit;
    member: Member | undefined;
    added: number | undefined;
  },
): Patch[] {
  if ("name" in edit) {
    return member?.name === undefined ? [] : [{ ...member.name, text: JSON.stringify(edit.name) }];
  }
  const text = JSON.stringify(edit.value);
  if (member !== undefined) return [{ ...member.value, text }];
  if (added === undefined) return [];
  const at = added + 1;
  const comma = bytes[skipBlanks(bytes, at)] === CLOSE_BRACE ? "" : ",";
  return [{ start: at, end: at, text: `${JSON.stringify(edit.path.at(-1))}:${text}${comma}` }];
}

/** Where the value at a path begins. */
function startOf(bytes: Uint8Array, path: JsonPath): number | undefined {
  let start: number | undefined = skipBlanks(bytes, 0);
  for (const key of path) {
    if (start === undefined) return undefined;
    start = memberOf(bytes, start, key)?.value.start;
  }
  return start;
}

/** The member of the object, or the item of the list, that begins there. */
function memberOf(bytes: Uint8Array, start: number, key: string | number): Member | undefined {
  let found: Member | undefined;
  for (const member of membersOf(bytes, start)) {
    if (member.key !== key) continue;
    found = member;
    if (typeof key === "number") break;
  }
  return found;
}

function* membersOf(bytes: Uint8Array, start: number): Generator<Member> {
  const open = bytes[start];
  if (open !== OPEN_BRACE && open !== OPEN_BRACKET) return;
  let at = skipBlanks(bytes, start + 1);
  for (let index = 0; at < bytes.length && !isClose(bytes[at]); index++) {
    let name: Span | undefined;
    let key: string | number = index;
    if (open === OPEN_BRACE) {
      name = { start: at, end: stringEnd(bytes, at) };
      key = JSON.parse(decoder.decode(bytes.subarray(name.start, name.end))) as string;
      at = skipBlanks(bytes, name.end);
      if (bytes[at] !== COLON) return;
      at = skipBlanks(bytes, at + 1);
    }
    const value = { start: at, end: valueEnd(bytes, at) };
    yield { name, key, value };
    at = skipBlanks(bytes, value.end);
    if (bytes[at] === COMMA) at = skipBlanks(bytes, at + 1);
  }
}

function isClose(byte: number | undefined): boolean {
  return byte === CLOSE_BRACE || byte === CLOSE_BRACKET;
}

function skipBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 32 || (bytes[at]! >= 9 && bytes[at]! <= 13)) at++;
  return at;
}

function valueEnd(bytes: Uint8Array, start: number): number {
  const first = bytes[start];
  if (first === QUOTE) return stringEnd(bytes, start);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return scalarEnd(bytes, start);
  let depth = 0;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = stringEnd(bytes, at) - 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (isClose(byte) && --depth === 0) return at + 1;
  }
  return bytes.length;
}

/** Behind a number, `true`, `false` or `null`. */
function scalarEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== COMMA && !isClose(bytes[at]) && bytes[at]! > 32) at++;
  return at;
}

/** Behind the quote that ends the string which begins there. */
function stringEnd(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(QUOTE, start + 1); at !== -1; at = bytes.indexOf(QUOTE, at + 1)) {
    let escapes = 0;
    while (bytes[at - 1 - escapes] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at + 1;
  }
  return bytes.length;
}
