import { assertEquals, assertThrows } from "@std/assert";
import { AddressList } from "../../../src/discovery/address_list.ts";
import { type BookState, readState, writeState } from "../../../src/discovery/book_state.ts";
import { TestBook, WALL_BEGAN } from "./book_support.ts";

const OWNER = "10.0.0.5";

function readBack(text: string, wallMs: number, allow: readonly string[] = []): BookState {
  return readState(text, {
    allow: new AddressList(allow),
    now: () => 5,
    wallNow: () => WALL_BEGAN + wallMs,
  });
}

/** A book with a service that is gone, one that has been silent for 200 s, and one that is well. */
function bookOfThree(): TestBook {
  const book = new TestBook();
  book.add("gone");
  book.clock.ms = 400_000;
  book.sweep();
  book.add("silent", { metadata: { type: "openai-api", rack: 7 } });
  book.clock.ms = 600_000;
  book.add("well");
  return book;
}

Deno.test("what a book knows survives, those that are gone included", () => {
  const book = bookOfThree();
  const { entries, gone, dropped } = readBack(writeState(book), 600_000);
  const after = new TestBook();
  after.restore(entries, gone);
  const shown = ({ get }: TestBook, of = book): unknown[] => ["silent", "well"].map(get, of);
  assertEquals(dropped, 0);
  assertEquals(
    shown(after, after),
    ["silent", "well"].map((name) => ({ ...book.get(name)!, is_healthy: true })),
  );
  after.heartbeat("gone", { client: OWNER });
  assertEquals(after.list().map(({ name }) => name), ["silent", "well", "gone"]);
});

Deno.test("the time in which nobody could be heard is held against nobody, unless it is long", () => {
  const text = writeState(bookOfThree());
  const names = (wallMs: number): unknown => {
    const { entries, gone } = readBack(text, wallMs);
    return [entries, gone].map((list) => list.map(({ told }) => told.name).join(" "));
  };
  assertEquals(names(600_000), ["silent well", "gone"]);
  assertEquals(names(700_001), ["well", "gone silent"]);
  assertEquals(names(900_001), ["", "gone silent well"]);
  assertEquals(readBack(text, 700_000).entries.map(({ heardAt }) => heardAt), [5, 5]);
});

Deno.test("an address that may not be registered any more is dropped with its service", () => {
  const book = new TestBook();
  book.add("far", { host: "203.0.113.5" });
  book.add("near");
  const text = writeState(book);
  const of = (allow: readonly string[]): unknown => {
    const { entries, dropped } = readBack(text, 0, allow);
    return [entries.map(({ told }) => told.name), dropped];
  };
  assertEquals(of([]), [["near"], 1]);
  assertEquals(of(["203.0.113.0/24"]), [["far", "near"], 0]);
});

Deno.test("a broken service is dropped, a broken text is told", () => {
  const { services: [good] } = JSON.parse(writeState(bookOfThree()));
  const broken = [
    null,
    { ...good, address: 1 },
    { ...good, owner: undefined },
    { ...good, registered_at: 9e15 },
    { ...good, heartbeat_at: "now" },
    { ...good, told: { ...good.told, port: 0 } },
    { ...good, told: { ...good.told, metadata: { text: "x".repeat(70_000) } } },
  ];
  const text = JSON.stringify({ version: 1, services: [good, ...broken], gone: [] });
  const { entries, dropped } = readBack(text, 400_000);
  assertEquals([entries.length, dropped], [1, broken.length]);
  for (
    const wrong of ["", "{", "[]", "{}", '{"version":2,"services":[],"gone":[]}', '{"version":1}']
  ) {
    assertThrows(() => readBack(wrong, 0), SyntaxError);
  }
});
