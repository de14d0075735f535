import {
  configureSync,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  type LogRecord,
} from "@logtape/logtape";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, unknown>>;

/** One line per event: a fixed message for people to search, and fields for what varies. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Whether such a line would be written. */
  isEnabledFor(level: "info" | "warning"): boolean;
}

export interface LogOptions {
  level: LogLevel;
  format: "text" | "json";
  /** Takes one whole line, its line feed included. */
  write: (line: string) => void;
}

/** As the configuration calls them, of one width. */
const LEVEL_NAMES: Readonly<Record<string, string>> = {
  debug: "DEBUG",
  info: "INFO ",
  warning: "WARN ",
  error: "ERROR",
};

/** Sets up logging for this process; a second call replaces the first. */
export function createLog({ level, format, write }: LogOptions): Log {
  const formatter = format === "json"
    ? getJsonLinesFormatter({ properties: "flatten" })
    : getTextFormatter({
      timestamp: "rfc3339",
      format: ({ timestamp, message, record }) =>
        `${timestamp} ${LEVEL_NAMES[record.level]} ${message}${fieldsOf(record)}`,
    });
  configureSync({
    reset: true,
    sinks: { lines: (record) => write(formatter(record)) },
    loggers: [
      { category: "router", lowestLevel: level === "warn" ? "warning" : level, sinks: ["lines"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["lines"] },
    ],
  });
  return getLogger("router");
}

function fieldsOf(record: LogRecord): string {
  let text = "";
  for (const [name, value] of Object.entries(record.properties)) {
    if (value === undefined) continue;
    const shown = typeof value === "string" && /^[\w./:@+-]+$/.test(value)
      ? value
      : JSON.stringify(value instanceof Error ? value.stack ?? value.message : value);
    text += ` ${name}=${shown.replace(UNPRINTABLE, escape)}`;
  }
  return text;
}

/** C1 controls and what turns the writing direction: nothing a client sends may move a terminal. */
const UNPRINTABLE = /[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
