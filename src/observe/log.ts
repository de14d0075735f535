import {
  configureSync,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
} from "@logtape/logtape";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, unknown>>;

/** One line per event: a fixed message for people to search, and fields for what varies. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /**
   * The same lines, for what is told of every call: made without a record and its parts, which cost
   * 19 µs a line, this 3. Fields that are undefined are left out.
   */
  line(level: "info" | "warn", message: string, fields: LogFields): void;
  /** Whether such a line would be written. */
  isEnabledFor(level: "info" | "warn"): boolean;
}

/** How lines look, and which are written. */
export interface LogSettings {
  level: LogLevel;
  format: "text" | "json";
}

export interface LogOptions extends LogSettings {
  /** Takes one whole line, its line feed included. */
  write: (line: string) => void;
}

/** The log for who set it up. */
export interface ConfigurableLog extends Log {
  /** Takes other settings; the next line keeps to them. */
  configure(settings: LogSettings): void;
  /** The line as `line` would write it, whatever the level; it is not written. */
  formatted(level: "info" | "warn", message: string, fields: LogFields): string;
}

const RANKS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** As the configuration calls them, of one width. */
const LEVEL_NAMES: Readonly<Record<string, string>> = {
  debug: "DEBUG",
  info: "INFO ",
  warning: "WARN ",
  error: "ERROR",
};

const FORMATTERS = {
  json: getJsonLinesFormatter({ properties: "flatten" }),
  text: getTextFormatter({
    timestamp: "rfc3339",
    format: ({ timestamp, message, record }) =>
      `${timestamp} ${LEVEL_NAMES[record.level]} ${message}${textOf(record.properties)}`,
  }),
};

/** Sets up logging for this process; a second call replaces the first. */
export function createLog({ level, format, write }: LogOptions): ConfigurableLog {
  let lowest = RANKS[level];
  let formatter = FORMATTERS[format];
  // LogTape lets everything through: its own level cannot be changed without setting it up anew.
  configureSync({
    reset: true,
    sinks: { lines: (record) => write(formatter(record)) },
    loggers: [
      { category: "router", lowestLevel: "debug", sinks: ["lines"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["lines"] },
    ],
  });
  const logger = getLogger("router");
  const isEnabledFor = (asked: "info" | "warn"): boolean => RANKS[asked] >= lowest;
  const formatted: ConfigurableLog["formatted"] = (of, message, fields) =>
    format === "text" ? textLine(of, message, fields) : jsonLine(of, message, fields);
  return {
    debug: (message, fields = {}) => void (lowest === 0 && logger.debug(message, fields)),
    info: (message, fields = {}) => void (lowest <= 1 && logger.info(message, fields)),
    warn: (message, fields = {}) => void (lowest <= 2 && logger.warn(message, fields)),
    error: (message, fields = {}) => logger.error(message, fields),
    isEnabledFor,
    line: (of, message, fields) => {
      if (isEnabledFor(of)) write(formatted(of, message, fields));
    },
    formatted,
    configure: (settings) => {
      lowest = RANKS[settings.level];
      format = settings.format;
      formatter = FORMATTERS[format];
    },
  };
}

function textLine(level: "info" | "warn", message: string, fields: LogFields): string {
  const name = LEVEL_NAMES[level === "info" ? "info" : "warning"];
  return `${new Date().toISOString()} ${name} ${message}${textOf(fields)}\n`;
}

function jsonLine(level: "info" | "warn", message: string, fields: LogFields): string {
  const time = new Date().toISOString();
  const upper = level === "info" ? "INFO" : "WARN";
  const rest = JSON.stringify(fields).replace(UNPRINTABLE, escape);
  const more = rest === "{}" ? "}" : `,${rest.slice(1)}`;
  return `{"@timestamp":"${time}","level":"${upper}","message":"${message}","logger":"router"${more}\n`;
}

function textOf(fields: LogFields): string {
  let text = "";
  for (const name in fields) {
    const value = fields[name];
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
