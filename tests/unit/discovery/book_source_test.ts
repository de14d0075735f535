import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { BookSource } from "../../../src/discovery/book_source.ts";
import { TestBook } from "./book_support.ts";

Deno.test("the engines of a book are told at once and at each change, babysitters and others are not", () => {
  const book = new TestBook();
  book.add("b-server", { port: 8200 });
  const source = new BookSource(book, { name: "registry", removalGraceMs: 60_000 });
  assertEquals([source.name, source.removalGraceMs], ["registry", 60_000]);
  const told: string[] = [];
  const stop = source.watch({
    onSpecs: (specs) => void told.push(specs.map(({ name, url }) => `${name} ${url}`).join(", ")),
    onTrouble: () => {},
  });
  book.add("a", { metadata: { type: "InfiniLM", babysitter: "enhanced" } });
  book.add("a-server");
  book.heartbeat("a-server", { client: "10.0.0.5" });
  book.update("b-server", { port: 8300 }, { client: "10.0.0.5", address: undefined });
  book.delete("a-server", "10.0.0.5");
  stop();
  book.delete("b-server", "10.0.0.5");
  assertEquals(told, [
    "b-server http://10.0.0.5:8200",
    "a-server http://10.0.0.5:8100, b-server http://10.0.0.5:8200",
    "a-server http://10.0.0.5:8100, b-server http://10.0.0.5:8300",
    "b-server http://10.0.0.5:8300",
  ]);
});

Deno.test("an engine is asked at the address that was judged, not at the name that it gave", () => {
  const book = new TestBook();
  const whole = { name: "a-server", port: 8100, hostname: "a", url: "http://a:8100" };
  const told = { ...whole, host: "a", status: "running", metadata: { type: "openai-api" } };
  book.register(told, { client: "10.0.0.5", address: "10.0.0.5" });
  assertEquals(book.get("a-server")?.host, "a");
  assertEquals(book.specs().map(({ url, host }) => [url, host]), [[
    "http://10.0.0.5:8100",
    "10.0.0.5",
  ]]);
});

Deno.test("an engine whose babysitter falls silent is told no more, to the moment", () => {
  using time = new FakeTime();
  const book = new TestBook();
  const told: string[] = [];
  const pass = (ms: number): void => {
    book.clock.ms += ms;
    time.tick(ms);
  };
  book.add("a-server");
  const stop = new BookSource(book, { name: "registry", removalGraceMs: 0 }).watch({
    onSpecs: (specs) => void told.push(specs.map(({ name }) => name).join(" ")),
    onTrouble: () => {},
  });
  pass(60_000);
  book.heartbeat("a-server", { client: "10.0.0.5" });
  book.add("b-server");
  pass(119_999);
  assertEquals(told, ["a-server", "a-server b-server"]);
  pass(1);
  assertEquals(told.splice(0), ["a-server", "a-server b-server", ""]);
  book.heartbeat("b-server", { client: "10.0.0.5" });
  assertEquals(told, ["b-server"]);
  stop();
  pass(120_000);
  assertEquals(told, ["b-server"]);
});
