/**
 * Reads `<decimal number><unit>` as a whole number of the smallest unit, or `undefined`.
 *
 * Exact: `1.1m` is 66000 ms, where floating point would say 66000.00000000001.
 */
export function parseQuantity(
  text: string,
  units: ReadonlyMap<string, number>,
): number | undefined {
  const [, whole = "", fraction = "", unit = ""] =
    /^(\d{1,15})(?:\.(\d{1,9}))?([a-z]+)$/i.exec(text) ?? [];
  const factor = units.get(unit);
  if (factor === undefined) return undefined;

  const scale = 10n ** BigInt(fraction.length);
  const scaled = BigInt(whole + fraction) * BigInt(factor);
  if (scaled % scale !== 0n) return undefined;
  const result = Number(scaled / scale);
  return Number.isSafeInteger(result) ? result : undefined;
}
