import { assert, assertEquals, assertMatch } from "@std/assert";
import { createLog, type Log, type LogOptions } from "../../../src/observe/log.ts";

function lines(options: Pick<LogOptions, "format" | "level">, use: (log: Log) => void): string[] {
  const written: string[] = [];
  use(createLog({ ...options, write: (line) => written.push(line) }));
  return written;
}

for (
  const [level, expected] of [
    ["debug", 4],
    ["info", 3],
    ["warn", 2],
    ["error", 1],
  ] as const
) {
  Deno.test(`a log of level ${level} writes what is at least that`, () => {
    const written = lines({ format: "text", level }, (log) => {
      log.debug("a");
      log.info("b");
      log.warn("c");
      log.error("d");
    });
    assertEquals(written.length, expected);
  });
}

Deno.test("a text line has time, level, message and fields, with nothing that breaks the line", () => {
  const [line = "", ...others] = lines(
    { format: "text", level: "info" },
    (log) =>
      log.info("call", {
        model: "org/m-1",
        odd: 'a b\n"c"\x1b[31m',
        none: undefined,
        n: 5,
        no: false,
      }),
  );
  assertEquals(others, []);
  assertMatch(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z INFO {2}call model=org\/m-1 odd=/);
  assert(line.endsWith('odd="a b\\n\\"c\\"\\u001b[31m" n=5 no=false\n'), line);
});

Deno.test("a JSON line has its message and fields side by side", () => {
  const [line = ""] = lines(
    { format: "json", level: "info" },
    (log) => log.warn("call", { status: 502, odd: "a\nb" }),
  );
  assert(line.endsWith("}\n") && line.indexOf("\n") === line.length - 1, line);
  const fields = JSON.parse(line) as Record<string, unknown>;
  assertEquals([fields["message"], fields["status"], fields["odd"]], ["call", 502, "a\nb"]);
  assertMatch(String(fields["level"]), /^WARN/);
});

Deno.test("a logged error has its stack, on one line", () => {
  const [line = ""] = lines(
    { format: "text", level: "info" },
    (log) => log.error("x", { error: new TypeError("oops") }),
  );
  assertMatch(line, /error="TypeError: oops\\n {4}at /);
  assertEquals(line.indexOf("\n"), line.length - 1);
});

Deno.test("a second log replaces the first", () => {
  const first: string[] = [];
  const log = createLog({ format: "text", level: "info", write: (line) => first.push(line) });
  const second = lines({ format: "text", level: "info" }, () => log.info("late"));
  assertEquals([first.length, second.length], [0, 1]);
});
