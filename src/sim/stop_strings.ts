import { isTrue, itemsOf, PythonError, typeName } from "./python_values.ts";

/**
 * Whether a text ends with a stop string, as InfiniLM looks after each token: a match inside the
 * token is missed. Throws a `PythonError` for a `stop` of the wrong type, which nobody catches but
 * the end of the step thread.
 */
export function endsWithStop(text: string, stop: unknown): boolean {
  if (typeof stop === "string") return text.endsWith(stop);
  if (!isTrue(stop)) return false;
  for (const item of itemsOf(stop)) {
    if (typeof item !== "string") {
      throw new PythonError(
        `endswith first arg must be str or a tuple of str, not ${typeName(item)}`,
      );
    }
    if (text.endsWith(item)) return true;
  }
  return false;
}
