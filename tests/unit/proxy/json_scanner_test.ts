import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { JsonScanError, JsonScanner } from "../../../src/proxy/json_scanner.ts";

const WANTED = new Set(["a", "b", "ä", "__proto__"]);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Seen {
  members: Record<string, unknown>;
  values: number;
}

/** What is found in a text that is scanned in steps of so many bytes; undefined if it is refused. */
function scanned(text: string, step: number): Seen | undefined {
  const bytes = encoder.encode(text);
  const scanner = new JsonScanner(bytes, { wanted: WANTED, maxDepth: 20 });
  try {
    for (let to = step;; to += step) {
      scanner.scan(to);
      if (to >= bytes.length) break;
    }
  } catch (error) {
    if (error instanceof JsonScanError) return undefined;
    throw error;
  }
  const found = Array.from(scanner.members, ([name, { start, end }]) => {
    return [name, JSON.parse(decoder.decode(bytes.subarray(start, end)))] as const;
  });
  return { members: Object.fromEntries(found), values: scanner.values };
}

/** The same by `JSON.parse`. */
function parsed(text: string): Seen | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const members = Object.entries(value).filter(([name]) => WANTED.has(name));
  return { members: Object.fromEntries(members), values: countOf(value) };
}

function countOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce((sum: number, each) => sum + countOf(each), 1);
}

const key = fc.oneof(fc.constantFrom("a", "b", "ä", "__proto__", 'q"', "\\"), fc.string());
const object = fc.dictionary(key, fc.jsonValue({ maxDepth: 4 }), { noNullPrototype: true });
const blanks = fc.constantFrom(undefined, 1, "\t", " \r\n");

Deno.test("the scanner finds in any object what JSON.parse does, in steps of any size", () => {
  fc.assert(
    fc.property(object, blanks, fc.integer({ min: 1, max: 40 }), (value, space, step) => {
      const text = JSON.stringify(value, null, space);
      // Duplicate names would count twice; there are none here.
      assertEquals(scanned(text, step), parsed(text));
    }),
    { numRuns: 1000, seed: 1 },
  );
});

Deno.test("the scanner refuses what JSON.parse does of texts that are nearly JSON, and nothing else", () => {
  const change = fc.record({
    at: fc.nat(200),
    drop: fc.nat(2),
    put: fc.constantFrom(
      ...["", ",", ":", "{", "}", "[", "]", '"', "\\", "\\u12", "\\ud800", "-", "0", "1", ".", "e"],
      ...[
        "+",
        "true",
        "nul",
        " ",
        "\n",
        "\u0000",
        "\u001f",
        "\ufeff",
        "\u007f",
        "/",
        "1e5",
        "-0.0E-1",
      ],
    ),
  });
  fc.assert(
    fc.property(object, fc.array(change, { maxLength: 3 }), fc.nat(20), (value, changes, step) => {
      let text = JSON.stringify(value);
      for (const { at, drop, put } of changes) {
        const from = at % (text.length + 1);
        text = text.slice(0, from) + put + text.slice(from + drop);
      }
      const bySteps = scanned(text, step + 1);
      const whole = parsed(text);
      assertEquals([text, bySteps === undefined], [text, whole === undefined]);
      assertEquals(bySteps?.members, whole?.members);
    }),
    { numRuns: 5000, seed: 2 },
  );
});

Deno.test("the scanner takes the last of several members of one name, as parsers do", () => {
  assertEquals(scanned('{"a":1,"b":2,"\\u0061":[3]}', 1)?.members, { a: [3], b: 2 });
});

Deno.test("the scanner knows of a list how many items it has, and whether all are strings", () => {
  const lists: [list: string, items: number, allStrings: boolean][] = [
    ["[]", 0, true],
    ['["x", "[1,2]"]', 2, true],
    ['["x", ["y"], {"z":1}]', 3, false],
    ["[1]", 1, false],
  ];
  for (const [list, items, allStrings] of lists) {
    const scanner = new JsonScanner(encoder.encode(`{"b":[1,2,3],"a":${list}}`), {
      wanted: WANTED,
      maxDepth: 5,
    });
    scanner.scan(1000);
    const found = scanner.members.get("a")!;
    assertEquals([found.items, found.allStrings], [items, allStrings]);
  }
});

Deno.test("the scanner stops at what nests too deep, and says where something else is wrong", () => {
  const wrong: [text: string, message: string][] = [
    ['{"a":[[[]]]}', "it nests deeper than 3 levels"],
    ["[]", "it is something else"],
    ["", "it ends too early"],
    ['{"a":1', "it ends too early"],
    ['{"a":1}x', "unexpected 'x' at byte 7"],
    ['{"a":01}', "unexpected '1' at byte 6"],
    ['{"a":"\n"}', "unexpected byte 0x0a at byte 6"],
  ];
  for (const [text, message] of wrong) {
    const scanner = new JsonScanner(encoder.encode(text), { wanted: WANTED, maxDepth: 3 });
    assertEquals(assertThrows(() => scanner.scan(1000), JsonScanError).message, message);
  }
});
