import { assertEquals } from "@std/assert";
import { LineWriter } from "../../../src/cli/line_writer.ts";
import { processLog } from "../../../src/cli/process_log.ts";

/** A reader that takes nothing until it is let. */
class Stuck {
  text = "";
  readonly #open = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<number> {
    await this.#open.promise;
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  }

  writeSync(): number {
    throw new Error("not asked for");
  }

  open(): void {
    this.#open.resolve();
  }
}

/** What is written of a log whose reader stood still for 100 lines. */
async function afterStandstill(
  options: { level: "info" | "error"; format: "json" | "text" },
): Promise<string> {
  const reader = new Stuck();
  const lines = new LineWriter({ to: reader, maxWaiting: 500, collectMs: 0 });
  const log = processLog(options, lines);
  log.error("first");
  await lines.flush(0);
  for (let i = 0; i < 100; i++) log.error("more");
  reader.open();
  await lines.flush(1000);
  return reader.text;
}

Deno.test("the log says in JSON, too, how many lines nobody read", async () => {
  const lines = (await afterStandstill({ level: "info", format: "json" })).trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  const { level, message, logger, dropped } = lines.at(-1)!;
  assertEquals([level, message, logger], [
    "WARN",
    "log lines were dropped: nobody read them in time",
    "router",
  ]);
  assertEquals(lines.filter((line) => line.message === "more").length + dropped, 100);
});

Deno.test("the log says in text how many lines nobody read, also if warnings are left out", async () => {
  const lines = (await afterStandstill({ level: "error", format: "text" })).trimEnd().split("\n");
  const [, dropped] =
    / WARN {2}log lines were dropped: nobody read them in time dropped=(\d+)$/.exec(
      lines.at(-1)!,
    ) ?? [];
  assertEquals(lines.filter((line) => line.endsWith("more")).length + Number(dropped), 100);
});
