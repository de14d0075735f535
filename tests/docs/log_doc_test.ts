import { assertEquals } from "@std/assert";
import { accessLog } from "../../src/observe/access_log.ts";
import type { Log, LogFields } from "../../src/observe/log.ts";
import { beginRecord } from "../../src/observe/request_record.ts";
import type { Phase } from "../../src/outcome.ts";

const DOC = Deno.readTextFileSync(new URL("../../docs/log.md", import.meta.url));

/** The first cells of the table under a heading, without their backquotes. */
function rows(heading: string): string[] {
  const section = DOC.split(`## ${heading}\n`)[1]!.split("\n## ")[0]!;
  const cells = section.split("\n").filter((line) => line.startsWith("| `"));
  return cells.map((line) => line.split("`")[1]!);
}

Deno.test("docs/log.md has every field of a call's line, in their order", () => {
  let fields: LogFields = {};
  const nothing = (): void => {};
  const log: Log = {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: nothing,
    line: (_level, _message, found) => fields = found ?? {},
    isEnabledFor: () => true,
  };
  const record = beginRecord({ requestId: "r", method: "POST", client: "::1" });
  accessLog(log)({ ...record, routed: true });
  assertEquals(rows("The line of a call"), Object.keys(fields));
});

Deno.test("docs/log.md has every phase of a call, in their order", () => {
  const phases: Record<Phase, null> = {
    upload: null,
    queue: null,
    backoff: null,
    connect: null,
    write: null,
    head: null,
    body: null,
    relay: null,
  };
  assertEquals(rows("Phases and limits"), Object.keys(phases));
});
