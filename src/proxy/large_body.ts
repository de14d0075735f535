import { isUtf8 } from "node:buffer";
import { setImmediate } from "node:timers";
import { invalid, isObject, type JsonObject } from "../engine/json_object.ts";
import { JsonScanError, JsonScanner, type ScannedMember } from "./json_scanner.ts";
import { CHECKED } from "./parameters.ts";

/** Above this a body is not parsed in one go: 1 MiB of the smallest objects takes 25 ms, 30 MiB 3 s. */
export const LARGE_BYTES = 1024 * 1024;

/**
 * What is done before others get the thread: 10 to 300 µs. A small call needs some twenty turns: with 256 KiB it waited
 * for 80 ms beside empty objects, with 8 for 7, and the large ones were as fast (`make bench-large`).
 */
const STEP_BYTES = 8 * 1024;

/** A larger value is not made: what stands for it has its kind, and what is checked of it. */
const MADE_BYTES = 64 * 1024;

/** The one object of whose members some are checked; of any size that is parsed in one go. */
const LOOKED_INTO = "sampling_params";

/** Of a text not made so much is shown if it is wrong. */
const SHOWN_BYTES = 4096;

/** With more values a body is not parsed for an engine's dialect either. 100 000 empty objects take 8 ms. */
const MAX_VALUES = 100_000;

/** Items that a list's stand-in has at most: V8 makes room for all of them. */
const MAX_ITEMS = 100_000;

const QUOTE = 34;
const OPEN_BRACKET = 91;

const decoder = new TextDecoder();

/** What is known of a large body without having parsed it. */
export interface Outline {
  /** What is checked of a call, small values as they are. */
  readonly json: JsonObject;
  /** Where the value of `model` stands, if there is one. */
  readonly model: ScannedMember | undefined;
  /** Whether it has so many values that parsing it would hold up everybody. */
  readonly dense: boolean;
}

/** Others have their turn. */
function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Reads a large body's outline step by step. Throws `JsonScanError`, with what is wrong, for what is no JSON object,
 * `RouterError` for what is too large to be checked, and whatever `check` throws between two steps.
 */
export async function outlineOf(
  bytes: Uint8Array,
  { maxDepth, check }: { maxDepth: number; check: () => void },
): Promise<Outline> {
  const scanner = new JsonScanner(bytes, { wanted: CHECKED, maxDepth });
  for (let from = 0, to = 0; from < bytes.length; from = to) {
    to = stepFrom(bytes, from);
    if (!isUtf8(bytes.subarray(from, to))) throw new JsonScanError("not valid UTF-8");
    scanner.scan(to);
    await breathe();
    check();
  }
  const { members, values } = scanner;
  const json = Object.fromEntries(
    Array.from(members, ([name, member]) => [name, standIn(name, { bytes, member })]),
  );
  return { json, model: members.get("model"), dense: values > MAX_VALUES };
}

/** Parses a large body that is valid, and not dense; decodes it step by step. */
export async function parseLarge(
  bytes: Uint8Array,
  { check }: { check: () => void },
): Promise<JsonObject> {
  let text = "";
  for (let from = 0, to = 0; from < bytes.length; from = to) {
    to = stepFrom(bytes, from);
    text += decoder.decode(bytes.subarray(from, to));
    await breathe();
    check();
  }
  const value = JSON.parse(text) as unknown;
  return isObject(value) ? value : {};
}

/** Where the step from there ends: not within a character. */
function stepFrom(bytes: Uint8Array, from: number): number {
  let to = from + STEP_BYTES;
  if (to >= bytes.length) return bytes.length;
  for (let back = 0; back < 3 && (bytes[to]! & 0xc0) === 0x80; back++) to--;
  return to;
}

/** A value as the checks see it. */
function standIn(
  name: string,
  { bytes, member }: { bytes: Uint8Array; member: ScannedMember },
): unknown {
  const { start, end, items, allStrings } = member;
  const most = name === LOOKED_INTO ? LARGE_BYTES : MADE_BYTES;
  if (end - start > LARGE_BYTES && name === LOOKED_INTO) throw invalid(name, "at most 1 MiB", {});
  if (end - start <= most) return JSON.parse(decoder.decode(bytes.subarray(start, end)));
  if (bytes[start] === QUOTE) return decoder.decode(bytes.subarray(start + 1, start + SHOWN_BYTES));
  if (bytes[start] !== OPEN_BRACKET) return bytes[start] === 123 ? {} : NaN;
  const list: unknown[] = [];
  list.length = Math.min(items, MAX_ITEMS); // holes, which `every` does not look at
  if (!allStrings) list[0] = null;
  return list;
}
