import { assertEquals } from "@std/assert";
import type { BookChange } from "../../../src/discovery/registry_book.ts";
import { newTold, refusalOf, TestBook, WALL_BEGAN } from "./book_support.ts";

const OWNER = "10.0.0.5";
const STRANGER = "10.0.0.66";

Deno.test("a service is shown with what it told and what the registry knows", () => {
  const book = new TestBook();
  const told = { ...newTold("a"), rack: 7 };
  assertEquals<unknown>(book.register(told, { client: OWNER, address: OWNER }), {
    ...told,
    timestamp: "2026-01-01T00:00:00.000Z",
    last_heartbeat: WALL_BEGAN / 1000,
    health_status: "unknown",
    is_healthy: true,
  });
  assertEquals<unknown>(book.get("a"), book.list()[0]);
  assertEquals(book.get("b"), undefined);
});

Deno.test("a service is well for two minutes after a heartbeat, stays for five, and goes", () => {
  const book = new TestBook();
  book.add("a");
  const at = (ms: number): unknown => {
    book.clock.ms = ms;
    book.sweep();
    return book.get("a")?.is_healthy;
  };
  assertEquals(
    [119_999, 120_000, 300_000, 300_001].map(at),
    [true, false, false, undefined],
  );
  assertEquals(book.lines, ["service registered: a", "service removed: no heartbeat: a"]);
});

Deno.test("a heartbeat makes well again, and only `running` is well", () => {
  const book = new TestBook();
  book.add("a");
  book.clock.ms = 200_000;
  book.heartbeat("a", { client: OWNER });
  assertEquals(book.get("a")?.is_healthy, true);
  assertEquals(book.get("a")?.last_heartbeat, WALL_BEGAN / 1000 + 200);
  book.heartbeat("a", { client: OWNER, status: "stopping" });
  assertEquals([book.get("a")?.status, book.get("a")?.is_healthy], ["stopping", false]);
  book.heartbeat("a", { client: OWNER });
  assertEquals(book.get("a")?.status, "stopping");
});

Deno.test("a service that went for its silence comes back by a heartbeat as it was, one never seen does not", () => {
  const book = new TestBook();
  book.add("a", { metadata: { type: "openai-api", models: ["m"], cache_type: "paged" } });
  const before = book.get("a");
  book.clock.ms = 400_000;
  book.sweep();
  assertEquals(book.list(), []);
  book.heartbeat("a", { client: STRANGER });
  assertEquals(book.get("a"), { ...before!, last_heartbeat: WALL_BEGAN / 1000 + 400 });
  assertEquals(refusalOf(() => book.heartbeat("b", { client: OWNER })), "unknown");
});

Deno.test("a service that was deleted must register again", () => {
  const book = new TestBook();
  book.add("a");
  assertEquals([book.delete("a", OWNER), book.delete("a", OWNER)], [true, false]);
  assertEquals(refusalOf(() => book.heartbeat("a", { client: OWNER })), "unknown");
  assertEquals(
    refusalOf(() => book.update("a", {}, { client: OWNER, address: undefined })),
    "unknown",
  );
  book.add("a", {}, STRANGER);
  assertEquals(book.get("a")?.is_healthy, true);
});

Deno.test("a change keeps the rest, replaces metadata as a whole, counts as a heartbeat and brings back", () => {
  const book = new TestBook();
  book.add("a");
  const change = (host: string): void => {
    const metadata = { type: "openai-api", models: ["n"] };
    book.update("a", { host, metadata }, { client: OWNER, address: host });
  };
  book.clock.ms = 150_000;
  change("10.0.0.6");
  assertEquals(book.get("a")?.is_healthy, true);
  book.clock.ms = 600_000;
  book.sweep();
  change("10.0.0.7");
  const { host, port, metadata, timestamp } = book.get("a")!;
  assertEquals([host, port, metadata, timestamp], [
    "10.0.0.7",
    8100,
    { type: "openai-api", models: ["n"] },
    "2026-01-01T00:00:00.000Z",
  ]);
  assertEquals(book.specs().map(({ host, models }) => [host, models]), [["10.0.0.7", ["n"]]]);
});

Deno.test("only the address that registered a service changes it, unless the operator trusts the other", () => {
  const tries: readonly ((book: TestBook, client: string) => unknown)[] = [
    (book, client) => book.add("a", {}, client),
    (book, client) => book.update("a", {}, { client, address: undefined }),
    (book, client) => book.heartbeat("a", { client, status: "stopped" }),
    (book, client) => book.delete("a", client),
  ];
  const outcomes = (client: string, allow: readonly string[] = []): unknown[] =>
    tries.map((attempt) => {
      const book = new TestBook({ allow });
      book.add("a", {}, OWNER);
      return refusalOf(() => attempt(book, client));
    });
  const [free, refused] = [Array(4).fill(undefined), Array(4).fill("owner")];
  assertEquals(outcomes(OWNER), free);
  assertEquals(outcomes(`::ffff:${OWNER}`), free);
  assertEquals(outcomes(STRANGER), refused);
  assertEquals(outcomes(STRANGER, ["10.0.0.64/26"]), free);
  const book = new TestBook();
  book.add("a", {}, OWNER);
  book.heartbeat("a", { client: STRANGER, status: "running" });
  book.clock.ms = 400_000;
  book.sweep();
  book.add("a", {}, STRANGER);
  assertEquals(refusalOf(() => book.delete("a", OWNER)), "owner", "it went, and the name was free");
});

Deno.test("an owner that is heard no more loses its name, though others keep the service alive", () => {
  const book = new TestBook();
  book.add("a", {}, OWNER);
  const registers = (): string | undefined =>
    refusalOf(() => book.add("a", { port: 9000 }, STRANGER));
  for (let ms = 30_000; ms <= 300_000; ms += 30_000) {
    book.clock.ms = ms;
    book.heartbeat("a", { client: STRANGER });
    assertEquals(registers(), "owner");
  }
  book.heartbeat("a", { client: OWNER });
  book.clock.ms = 600_000;
  book.heartbeat("a", { client: STRANGER });
  assertEquals(registers(), "owner");
  book.clock.ms++;
  assertEquals(registers(), undefined);
  assertEquals([book.get("a")?.port, refusalOf(() => book.delete("a", OWNER))], [9000, "owner"]);
});

Deno.test("there are so many services and no more, and so many that are gone are remembered", () => {
  const book = new TestBook({ maxEntries: 2 });
  for (const name of ["a", "b"]) book.add(name);
  assertEquals(refusalOf(() => book.add("c")), "full");
  book.add("a", { port: 9000 });
  book.clock.ms = 400_000;
  book.sweep();
  for (const name of ["c", "d"]) book.add(name);
  assertEquals(refusalOf(() => book.heartbeat("a", { client: OWNER })), "full");
  book.clock.ms = 800_000;
  book.sweep();
  assertEquals([...book.gone.keys()], ["c", "d"]);
  assertEquals(refusalOf(() => book.heartbeat("a", { client: OWNER })), "unknown");
  assertEquals(refusalOf(() => book.heartbeat("d", { client: OWNER })), undefined);
});

Deno.test("a service that would be too large is refused, and the one before it stays", () => {
  const book = new TestBook();
  book.add("a");
  const metadata = { text: "x".repeat(64 * 1024) };
  assertEquals(refusalOf(() => book.add("a", { metadata })), "too_large");
  const change = (): unknown =>
    book.update("a", { metadata }, { client: OWNER, address: undefined });
  assertEquals(refusalOf(change), "too_large");
  assertEquals(book.get("a")?.metadata, { type: "openai-api", models: ["m"] });
});

Deno.test("a probe says how a service is, but not that it is well; one that was asked for is a heartbeat", () => {
  const book = new TestBook();
  book.add("a");
  const entry = book.entries.get("a")!;
  book.clock.ms = 130_000;
  book.probed(entry, "healthy");
  assertEquals([book.get("a")?.health_status, book.get("a")?.is_healthy], ["healthy", false]);
  book.probed(entry, "healthy", { heard: true });
  assertEquals(book.get("a")?.is_healthy, true);
  book.probed(entry, "unhealthy");
  assertEquals([book.get("a")?.health_status, book.get("a")?.is_healthy], ["unhealthy", true]);
  book.add("a");
  book.probed(entry, "healthy");
  assertEquals(book.get("a")?.health_status, "unknown", "that was another's");
});

Deno.test("watchers hear what there is to see apart from what is only a sign of life", () => {
  const book = new TestBook();
  const changes: BookChange[] = [];
  const stop = book.watch((change) => void changes.push(change));
  const after = (run: () => void): string => {
    run();
    return changes.splice(0).join(" ");
  };
  const beat = (): void => book.heartbeat("a", { client: OWNER });
  const pass = (ms: number): void => void (book.clock.ms += ms);
  assertEquals(after(() => book.add("a")), "entries");
  assertEquals(after(beat), "heartbeat");
  pass(130_000);
  assertEquals(after(beat), "entries", "it is well again");
  assertEquals(after(() => book.sweep()), "");
  pass(310_000);
  assertEquals(after(() => book.sweep()), "entries");
  assertEquals(after(beat), "entries");
  assertEquals(after(() => book.delete("a", OWNER)), "entries");
  stop();
  assertEquals(after(() => book.add("b")), "");
});
