import type { SimRecord } from "../../src/sim/sim.ts";
import type { LogLine } from "../support/router.ts";
import type { Seen } from "./clients.ts";

/** What three witnesses say of the calls of one run. */
export interface Witnesses {
  readonly clients: readonly Seen[];
  /** The lines of calls. */
  readonly log: readonly LogLine[];
  readonly engines: readonly SimRecord[];
}

/** An attempt that the engine answered, if not well, as the log puts it. */
const REFUSED = /:[45]\d\d$/;

/** What does not fit together: each call must be accounted for exactly once by all of them. */
export function contradictions({ clients, log, engines }: Witnesses): string[] {
  const lines = Map.groupBy(log, (line) => String(line["request_id"]));
  const records = Map.groupBy(engines, ({ headers }) => headers["x-request-id"] ?? "");
  const found: string[] = [];
  const ids = new Set<string>();
  for (const seen of clients) {
    ids.add(seen.id);
    const own = lines.get(seen.id) ?? [];
    const what = [
      ...ofClient(seen, own),
      ...ofEngines(own[0], records.get(seen.id) ?? []),
    ];
    for (const each of what) {
      const { body = "", ...rest } = seen;
      const end = body.slice(-200);
      found.push(
        `${seen.id}: ${each}\n  ${JSON.stringify({ ...rest, end })}\n  ${
          own.map((line) => JSON.stringify(line)).join("\n  ")
        }`,
      );
    }
  }
  for (const id of lines.keys()) {
    if (!ids.has(id)) found.push(`${id}: a line of a call nobody made`);
  }
  for (const id of records.keys()) {
    if (id !== "" && !ids.has(id)) found.push(`${id}: an engine's call nobody made`);
  }
  return found;
}

/** Between what a client saw and the lines of its call. */
function ofClient(seen: Seen, lines: readonly LogLine[]): string[] {
  const [line, ...more] = lines;
  if (more.length > 0) return [`${lines.length} lines in the log`];
  if (line === undefined) {
    // Its request may never have been read.
    return seen.stayed === "to_the_end" ? ["no line in the log"] : [];
  }
  const { status, outcome, code } = line;
  if (seen.stayed !== "to_the_end") {
    // What was on its way when it left may have been all of it.
    const told = status === 499 || outcome === "completed" || typeof code === "string";
    return told ? [] : [`it left, and the log says ${status} ${outcome}`];
  }
  if (seen.status !== status) return [`it got ${seen.status}, the log says ${status}`];
  const body = seen.body ?? "";
  const ours = typeof code === "string";
  if (seen.complete !== true) return ours ? [] : ["it was cut, and the log does not say why"];
  if (status !== 200) return body === "" ? ["an error without a word"] : [];
  if (ours) return ["it got a whole answer, and the log tells of an error"];
  if (outcome !== "completed") return [`it got a whole answer, and the log says ${outcome}`];
  if (seen.events && !body.includes("data: [DONE]")) return ["a stream without its last event"];
  if (!seen.events && !isJson(body)) return ["an answer that is not JSON"];
  const bytes = new TextEncoder().encode(body).length;
  return line["bytes"] === bytes ? [] : [`${bytes} bytes, the log says ${line["bytes"]}`];
}

/** Between the line of a call and what engines know of it. */
function ofEngines(line: LogLine | undefined, records: readonly SimRecord[]): string[] {
  if (line === undefined) return records.length === 0 ? [] : ["no line, but engines had it"];
  const attempts = Number(line["attempts"]);
  const others = (line["failed_attempts"] as string[] | undefined) ?? [];
  const refused = others.filter((attempt) => REFUSED.test(attempt)).length;
  if (records.length > attempts) {
    return [`${records.length} engines had it in ${attempts} attempts`];
  }
  const found: string[] = [];
  const answered = line["status"] === 200 && line["code"] === undefined;
  // What broke may have been on its way to an engine that never read it.
  if (records.length < refused + (answered ? 1 : 0)) {
    found.push(`${records.length} engines had it, ${refused} refused it`);
  }
  const done = records.filter(({ ended }) => ended === "completed").length;
  const resent = Number(line["resent"] ?? 0);
  if (done > 1 + resent + refused) {
    found.push(`${done} engines did it, and it was sent again ${resent} times`);
  }
  return found;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
