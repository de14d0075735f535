import { parseQuantity } from "./_quantity.ts";

const UNITS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

/**
 * Reads a duration such as `500ms`, `30s`, `1.5m` or `1h` as milliseconds.
 *
 * One number (decimals allowed) and one unit, nothing between; `undefined` for anything else,
 * and for what is not a whole number of milliseconds.
 */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, UNITS);
}
