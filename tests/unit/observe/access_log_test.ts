import { assertEquals } from "@std/assert";
import type { Outcome } from "../../../src/outcome.ts";
import type { Log, LogFields } from "../../../src/observe/log.ts";
import { accessLog } from "../../../src/observe/access_log.ts";
import {
  type AttemptRecord,
  beginRecord,
  type RequestRecord,
} from "../../../src/observe/request_record.ts";

const RECORD: RequestRecord = {
  ...beginRecord({ requestId: "r-1", method: "POST", client: "10.0.0.9" }),
  path: "/v1/completions",
  routed: true,
};

function attempted(backend: string, outcome: Outcome): AttemptRecord {
  return { backend, why: "turn", duration: 0.1, outcome, next: undefined };
}

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
  accessLog(log)(record);
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
    attempts: [
      attempted("b0", { kind: "broke", phase: "head" }),
      attempted("b2", { kind: "completed", status: 503 }),
      attempted("b1", { kind: "completed", status: 200 }),
    ],
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
    attempts: 3,
    failed_attempts: ["b0:broke/head", "b2:503"],
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
  accessLog(log)({ ...RECORD, status: 200 });
  accessLog(log)({ ...RECORD, status: 502 });
  assertEquals(asked, ["info", "warn"]);
});

Deno.test("a page is told to who debugs, what was refused at the door to everybody", () => {
  const lines: unknown[] = [];
  const write = (level: string) => (message: string, fields?: LogFields): void =>
    void lines.push([level, message, fields?.["path"], fields?.["status"], fields?.["code"]]);
  const [debug, info, warn, error] = ["debug", "info", "warn", "error"].map(write);
  const sink = accessLog({
    debug: debug!,
    info: info!,
    warn: warn!,
    error: error!,
    line: () => {},
    isEnabledFor: () => true,
  });
  const page = { ...RECORD, routed: false, path: "/health" };
  sink({ ...page, status: 503 });
  sink({ ...page, path: undefined, status: 400, code: "bad_request" });
  assertEquals(lines, [
    ["debug", "page", "/health", 503, undefined],
    ["info", "refused", undefined, 400, "bad_request"],
  ]);
});
