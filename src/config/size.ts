import { parseQuantity } from "./_quantity.ts";

const UNITS: ReadonlyMap<string, number> = new Map([
  ["B", 1],
  ["kB", 1000],
  ["KB", 1000],
  ["MB", 1000 ** 2],
  ["GB", 1000 ** 3],
  ["KiB", 1024],
  ["MiB", 1024 ** 2],
  ["GiB", 1024 ** 3],
]);

/**
 * Reads a size such as `32MiB`, `4KiB`, `1.5GB` or `512B` as bytes.
 *
 * `KiB MiB GiB` are powers of 1024, `kB MB GB` of 1000. `undefined` for anything else, a number
 * without a unit included, and for what is not a whole number of bytes.
 */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, UNITS);
}
