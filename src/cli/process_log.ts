import { type ConfigurableLog, createLog, type LogOptions } from "../observe/log.ts";
import { logLines } from "./stdio.ts";

/** The log of this process, on standard error unless other `lines` are given. */
export function processLog(
  options: Pick<LogOptions, "level" | "format">,
  lines = logLines,
): ConfigurableLog {
  const log = createLog({ ...options, write: (line) => lines.write(line) });
  const notice = "log lines were dropped: nobody read them in time";
  lines.dropNotice = (dropped) => log.formatted("warn", notice, { dropped });
  return log;
}
