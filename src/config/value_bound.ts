const MOST_VALUES = 50_000;
const DEEPEST = 20;

/** What to say of a value beyond the bound. */
export const BEYOND_BOUND =
  `too much for a config file: at most ${MOST_VALUES} values, at most ${DEEPEST} levels deep, ` +
  "each alias counted as what it stands for";

/**
 * Whether a value can be walked as a tree in little time.
 *
 * Aliases make a parsed YAML value a graph: nine lines can stand for millions of values, and an
 * anchor inside itself for infinitely many.
 */
export function withinBound(value: unknown): boolean {
  let values = 0;
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return false;
    const next: unknown[] = [];
    for (const part of level) {
      if (typeof part !== "object" || part === null) continue;
      const children = Object.values(part);
      values += children.length;
      if (values > MOST_VALUES) return false;
      next.push(...children);
    }
    level = next;
  }
  return true;
}
