/** A moment as the API shows it: UTC, in whole seconds. */
export function utcSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
