import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { EventSplitter } from "../../../src/sse/split.ts";
import { boundaries, bytesOf, cutAt, cuts, eventStreams } from "./support.ts";

/** What the splitter gives for each piece, as places in the whole. */
function places(pieces: readonly Uint8Array[]): number[] {
  const splitter = new EventSplitter();
  let before = 0;
  return pieces.map((piece) => {
    const end = splitter.push(piece);
    before += piece.length;
    return end === 0 ? 0 : before - piece.length + end;
  });
}

Deno.test("EventSplitter finds the last end of an event in every piece, however the stream is cut", () => {
  fc.assert(
    fc.property(eventStreams, cuts, (bytes, shares) => {
      const all = boundaries(bytes);
      let from = 0;
      const pieces = cutAt(bytes, shares);
      const expected = pieces.map((piece) => {
        const until = from + piece.length;
        const last = all.findLast((place) => place > from && place <= until) ?? 0;
        from = until;
        return last;
      });
      assertEquals(places(pieces), expected);
    }),
    { seed: 1, numRuns: 1000 },
  );
});

Deno.test("EventSplitter's fast path for LF agrees with its general path", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[\n:d]{0,40}$/), cuts, (text, shares) => {
      const general = text.replaceAll("\n", "\r"); // as many bytes, and never the fast path
      assertEquals(
        places(cutAt(bytesOf(text), shares)),
        places(cutAt(bytesOf(general), shares)),
      );
    }),
    { seed: 2, numRuns: 1000 },
  );
});

const CASES: [pieces: string[], ends: number[]][] = [
  [["data: a\n\n"], [9]],
  [["data: a\n", "\n"], [0, 1]],
  [["data: a\n\ndata: b"], [9]],
  [["data: a\r\n\r\n"], [11]],
  [["data: a\r\n\r", "\n"], [10, 1]],
  [["data: a\r", "\n\r\n"], [0, 3]],
  [["data: a\r", "\r"], [0, 1]],
  [["data: a\n\r"], [9]],
  [["data: a\r\ndata: b\n\n"], [18]],
  [["data: a\r", "\ndata: b"], [0, 0]],
  [["\n"], [1]],
  [[": ping\n"], [7]],
  [[": pi", "ng\n"], [0, 3]],
  [["data: a\n\n: ping\ndata: b\n"], [16]],
  [[": a\n: b\nretry: 5\nid: 1\n"], [17]],
  [["data: a\n: in the event\n", "\n"], [0, 1]],
  [[": ping\r\n"], [8]],
  [[": ping\r", "\n"], [7, 1]],
  [[": ping\r", "data: a\r"], [7, 0]],
  [[":\n"], [2]],
  [["\ufeffdata: a\n", "\n"], [0, 1]],
  [[""], [0]],
];

for (const [pieces, ends] of CASES) {
  Deno.test(`EventSplitter gives ${ends} for ${JSON.stringify(pieces)}`, () => {
    const splitter = new EventSplitter();
    assertEquals(pieces.map((piece) => splitter.push(bytesOf(piece))), ends);
  });
}
