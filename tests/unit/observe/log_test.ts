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

Deno.test("a line made the short way is the same as the long way's, in both formats", () => {
  const fields = { a: "x y", n: 1.5, none: undefined, no: false, odd: 'q"\n\x1b\x85\u202e 你好' };
  for (const format of ["text", "json"] as const) {
    for (const level of ["info", "warn"] as const) {
      const written = lines({ format, level: "info" }, (log) => {
        log[level]("call", fields);
        log.line(level, "call", fields);
      }).map((line) => line.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, "TIME"));
      const [long, short] = format === "json" ? written.map((line) => JSON.parse(line)) : written;
      assertEquals(short, long);
      assert(!/[\x85\u202e]/.test(written[1]!), "nothing that moves a terminal");
    }
  }
});

Deno.test("a line made the short way keeps to the level", () => {
  for (const [level, count] of [["debug", 2], ["info", 2], ["warn", 1], ["error", 0]] as const) {
    const written = lines({ format: "json", level }, (log) => {
      log.line("info", "a", { n: 1 });
      log.line("warn", "b", { n: 1 });
    });
    assertEquals(written.length, count, level);
  }
});

Deno.test("a second log replaces the first", () => {
  const first: string[] = [];
  const log = createLog({ format: "text", level: "info", write: (line) => first.push(line) });
  const second = lines({ format: "text", level: "info" }, () => log.info("late"));
  assertEquals([first.length, second.length], [0, 1]);
});

Deno.test("a log takes another level and format while it is in use, by every way of logging", () => {
  const written: string[] = [];
  const log = createLog({ format: "text", level: "warn", write: (line) => written.push(line) });
  const told = (): string[] => {
    written.length = 0;
    log.debug("m");
    log.info("m");
    log.line("info", "m", { n: 1 });
    log.line("warn", "m", { n: 1 });
    log.error("m");
    return written.map((line) =>
      line.startsWith("{") ? JSON.parse(line).level : line.split(" ")[1]!
    );
  };
  assertEquals(told(), ["WARN", "ERROR"]);
  assert(!log.isEnabledFor("info"));
  log.configure({ format: "json", level: "debug" });
  assertEquals(told(), ["DEBUG", "INFO", "INFO", "WARN", "ERROR"]);
  assert(written.every((line) => line.startsWith("{")));
  assert(log.isEnabledFor("info"));
  log.configure({ format: "text", level: "error" });
  assertEquals(told(), ["ERROR"]);
  assert(!written[0]!.startsWith("{") && !log.isEnabledFor("warn"));
});

Deno.test("a log that takes another level stays the log of the process", () => {
  const log = createLog({ format: "text", level: "info", write: () => {} });
  const second = lines({ format: "text", level: "info" }, (second) => {
    log.configure({ format: "text", level: "debug" });
    second.info("a");
    log.info("b");
  });
  assertEquals(second.length, 2, "nothing was set up anew");
});

Deno.test("a log makes a line in its format without writing it, whatever its level", () => {
  const written: string[] = [];
  const log = createLog({ format: "text", level: "info", write: (line) => written.push(line) });
  const time = /\d{4}-\d\d-\d\dT[\d:.]+Z/;
  log.line("warn", "m", { n: 1 });
  log.configure({ format: "text", level: "error" });
  assertEquals(
    log.formatted("warn", "m", { n: 1 }).replace(time, ""),
    written[0]!.replace(time, ""),
  );
  log.configure({ format: "json", level: "error" });
  assertEquals(JSON.parse(log.formatted("warn", "m", { n: 1 })).n, 1);
  assertEquals(written.length, 1);
});

Deno.test("a line without fields is a whole one, too", () => {
  const lines: string[] = [];
  for (const format of ["json", "text"] as const) {
    createLog({ level: "info", format, write: (line) => lines.push(line) }).line("info", "x", {});
  }
  assertEquals(JSON.parse(lines[0]!).message, "x");
  assertEquals(lines[1]!.endsWith(" INFO  x\n"), true);
});
