/** Nesting at which Python's parser gives up. */
const MAX_DEPTH = 990;

// Strings are matched first, so that nothing inside them is taken for a constant or a bracket.
const CONSTANT = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g;
const BRACKET = /"(?:[^"\\]|\\.)*"|[[{]|[\]}]/g;
const NAN = "\u0000NaN";

/**
 * `json.loads` of a body: UTF-8, perhaps with a byte order mark; NaN and Infinity are numbers.
 * Throws a `SyntaxError` or `TypeError` for what it does not take.
 */
export function parsePythonJson(bytes: Uint8Array): unknown {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  if (depthOf(text) > MAX_DEPTH) throw new SyntaxError("The body is nested too deeply");
  try {
    return JSON.parse(text);
  } catch (error) {
    const numbers = text.replaceAll(CONSTANT, (match) => {
      if (match === "NaN") return JSON.stringify(NAN);
      // Beyond what a number holds: it becomes infinite.
      return match.startsWith('"') ? match : match.replace("Infinity", "1e999");
    });
    if (numbers === text) throw error;
    return JSON.parse(numbers, (_, value) => value === NAN ? NaN : value);
  }
}

/** `json.dumps(value, ensure_ascii=False)`: a blank after every colon and comma. */
export function spacedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spacedJson).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, field]) =>
    `${JSON.stringify(key)}: ${spacedJson(field)}`
  );
  return `{${fields.join(", ")}}`;
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [match] of text.matchAll(BRACKET)) {
    if (match === "[" || match === "{") deepest = Math.max(deepest, ++depth);
    else if (match === "]" || match === "}") depth--;
  }
  return deepest;
}
