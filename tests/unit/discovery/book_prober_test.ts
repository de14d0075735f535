import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { HealthStatus } from "../../../src/discovery/book_entry.ts";
import { BookProber, type BookProberOptions } from "../../../src/discovery/book_prober.ts";
import { TestBook } from "./book_support.ts";

type Probe = BookProberOptions["probe"];

function proberOf(book: TestBook, probe: Probe, defects: unknown[] = []): BookProber {
  return new BookProber(book, {
    intervalMs: 30_000,
    timeoutMs: 5000,
    probe,
    random: () => 0.5,
    onDefect: (error) => void defects.push(error),
  });
}

Deno.test("all services are asked at each interval, until it is stopped", async () => {
  using time = new FakeTime();
  const book = new TestBook();
  for (const name of ["a", "b"]) book.add(name);
  const asked: string[] = [];
  const prober = proberOf(book, async ({ told: { name } }) => {
    asked.push(name);
    return name === "a" ? "healthy" : "unhealthy";
  });
  prober.start();
  await time.tickAsync(29_999);
  assertEquals(asked, []);
  await time.tickAsync(1);
  assertEquals(asked.splice(0), ["a", "b"]);
  assertEquals(book.list().map(({ health_status }) => health_status), ["healthy", "unhealthy"]);
  await time.tickAsync(30_000);
  assertEquals(asked.splice(0), ["a", "b"]);
  prober.stop();
  await time.tickAsync(60_000);
  assertEquals(asked, []);
});

Deno.test("sixteen are asked at a time, and the next round begins after the last answer", async () => {
  using time = new FakeTime();
  const book = new TestBook();
  for (let i = 0; i < 20; i++) book.add(`s${i}`);
  const waiting: ((health: HealthStatus) => void)[] = [];
  const prober = proberOf(book, () => new Promise((resolve) => void waiting.push(resolve)));
  prober.start();
  await time.tickAsync(120_000);
  assertEquals(waiting.length, 16);
  for (const answer of waiting.splice(0)) answer("healthy");
  await time.tickAsync(0);
  assertEquals(waiting.length, 4);
  for (const answer of waiting.splice(0)) answer("healthy");
  await time.tickAsync(30_000);
  assertEquals(waiting.length, 16);
  prober.stop();
});

Deno.test("who asks waits for the answer, together with others, and a good one is a sign of life", async () => {
  const book = new TestBook();
  book.add("a");
  const entry = book.entries.get("a")!;
  const answers: ((health: HealthStatus) => void)[] = [];
  const prober = proberOf(book, () => new Promise((resolve) => void answers.push(resolve)));
  book.clock.ms = 130_000;
  const asks = [prober.ask(entry), prober.ask(entry)];
  assertEquals(answers.length, 1);
  answers[0]!("healthy");
  await Promise.all(asks);
  assertEquals([book.get("a")?.health_status, book.get("a")?.is_healthy], ["healthy", true]);
});

Deno.test("a defect is told, and one that cannot be asked stays as it was", async () => {
  const book = new TestBook();
  book.add("a");
  const entry = book.entries.get("a")!;
  const defects: unknown[] = [];
  const answers: (() => Promise<HealthStatus | undefined>)[] = [
    async () => "unhealthy",
    async () => undefined,
    async () => Promise.reject(new Error("ours")),
  ];
  const prober = proberOf(book, () => answers.shift()!(), defects);
  for (let i = 0; i < 3; i++) await prober.ask(entry);
  assertEquals([book.get("a")?.health_status, String(defects)], ["unhealthy", "Error: ours"]);
});
