import { assertEquals } from "@std/assert";
import type { Log, LogFields } from "../../../src/observe/log.ts";
import { logRecord, type RequestRecord } from "../../../src/observe/request_record.ts";

const RECORD: RequestRecord = {
  requestId: "r-1",
  method: "POST",
  path: "/v1/completions",
  client: "10.0.0.9",
  model: undefined,
  stream: undefined,
  backend: undefined,
  attempts: 0,
  resent: 0,
  status: undefined,
  code: undefined,
  outcome: undefined,
  timeToFirstByte: undefined,
  duration: undefined,
  bytes: 0,
  promptTokens: undefined,
  completionTokens: undefined,
};

function lineOf(record: RequestRecord): [level: string, message: string, fields?: LogFields] {
  const lines: [string, string, LogFields?][] = [];
  const fail = (): never => {
    throw new Error("a call's line takes the short way");
  };
  const log: Log = {
    debug: fail,
    info: fail,
    warn: fail,
    error: fail,
    line: (level, message, fields) =>
      void lines.push([level, message, JSON.parse(JSON.stringify(fields))]),
    isEnabledFor: () => true,
  };
  logRecord(log, record);
  assertEquals(lines.length, 1);
  return lines[0]!;
}

Deno.test("a call that got nowhere leaves a line with what is known, and nothing else", () => {
  assertEquals(lineOf({ ...RECORD, status: 400, code: "invalid_json", duration: 0.00012 }), [
    "info",
    "call",
    {
      request_id: "r-1",
      method: "POST",
      path: "/v1/completions",
      client: "10.0.0.9",
      attempts: 0,
      status: 400,
      code: "invalid_json",
      duration_s: 0.0001,
      bytes: 0,
    },
  ]);
});

Deno.test("a whole call leaves one line with all there is to tell, times in tenths of milliseconds", () => {
  const [level, , fields] = lineOf({
    ...RECORD,
    model: "m",
    stream: false,
    backend: "b1",
    attempts: 2,
    resent: 1,
    status: 200,
    outcome: { kind: "completed", status: 200 },
    timeToFirstByte: 1.23456,
    duration: 2,
    bytes: 77,
    promptTokens: 0,
    completionTokens: 5,
  });
  assertEquals(level, "info");
  assertEquals(fields, {
    request_id: "r-1",
    method: "POST",
    path: "/v1/completions",
    client: "10.0.0.9",
    model: "m",
    stream: false,
    backend: "b1",
    attempts: 2,
    resent: 1,
    status: 200,
    outcome: "completed",
    ttfb_s: 1.2346,
    duration_s: 2,
    bytes: 77,
    prompt_tokens: 0,
    completion_tokens: 5,
  });
});

const LEVELS: [record: Partial<RequestRecord>, level: string][] = [
  [{ status: 200 }, "info"],
  [{ status: 404 }, "info"],
  [{ status: 429, code: "overloaded" }, "info"],
  [{ status: 499, code: "client_closed" }, "info"],
  [{ status: 500 }, "warn"],
  [{ status: 503, code: "no_healthy_backend" }, "warn"],
  [{ status: 200, code: "upstream_broken" }, "warn"],
];

for (const [record, level] of LEVELS) {
  Deno.test(`a call that ended with ${JSON.stringify(record)} is logged as ${level}`, () => {
    assertEquals(lineOf({ ...RECORD, ...record })[0], level);
  });
}

Deno.test("a call's line tells the phase in which it ended", () => {
  const [, , fields] = lineOf({
    ...RECORD,
    status: 499,
    outcome: { kind: "client_left", phase: "body" },
  });
  assertEquals([fields?.["outcome"], fields?.["phase"]], ["client_left", "body"]);
});

Deno.test("a line that nobody would see is not even made", () => {
  const asked: string[] = [];
  const fail = (): never => {
    throw new Error("written");
  };
  const isEnabledFor = (level: string): boolean => (asked.push(level), false);
  const log: Log = { debug: fail, info: fail, warn: fail, error: fail, line: fail, isEnabledFor };
  logRecord(log, { ...RECORD, status: 200 });
  logRecord(log, { ...RECORD, status: 502 });
  assertEquals(asked, ["info", "warn"]);
});
