import { RouterError } from "../errors.ts";

/** A parsed JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A field of the body itself, never of its prototype; null is absent. */
export function own(body: JsonObject, name: string): unknown {
  return Object.hasOwn(body, name) ? body[name] ?? undefined : undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An error that names the field, what is wanted and what came, cut short. */
export function invalid(param: string, wanted: string, received: unknown): RouterError {
  const message = `${param} must be ${wanted}, received ${shown(received)}`;
  return new RouterError("invalid_parameter", message, { param });
}

/** A text is shown up to so many characters. */
const SHOWN_CHARACTERS = 60;

/** What came, in bounded work: one value can be as large as a whole body. */
function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return arrayOf(value.length);
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value !== "string") return String(value);
  const text = JSON.stringify(value.slice(0, SHOWN_CHARACTERS));
  if (text.length <= SHOWN_CHARACTERS) return text;
  return `${text.slice(0, SHOWN_CHARACTERS).replace(HALF_A_PAIR, "")}…`;
}

const HALF_A_PAIR = /[\ud800-\udbff]$/;

function arrayOf(count: number): string {
  return count === 0 ? "an empty array" : `an array of ${count} ${count === 1 ? "item" : "items"}`;
}
