const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/**
 * Whether JSON text nests deeper than `limit`. Linear and without recursion: V8 needs seconds and
 * gigabytes to parse megabytes of brackets, and meanwhile nobody is served. Text that is not JSON
 * gives any answer.
 */
export function nestsDeeper(json: string, limit: number): boolean {
  // Prompts are mostly text: 128 KB with few brackets take 7 µs this way, 300 µs by the scan.
  if (countUpTo(json, "[", limit) + countUpTo(json, "{", limit) <= limit) return false;
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === OPEN_BRACKET || code === OPEN_BRACE) {
      if (++depth > limit) return true;
    } else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) {
      depth--;
    } else if (code === QUOTE) {
      at = stringEnd(json, at);
      if (at === -1) return false;
    }
  }
  return false;
}

/** How often `character` occurs, counted up to one more than `limit`. */
function countUpTo(text: string, character: string, limit: number): number {
  let count = 0;
  for (let at = text.indexOf(character); at !== -1; at = text.indexOf(character, at + 1)) {
    if (++count > limit) break;
  }
  return count;
}

/** The index of the quote that ends the string beginning at `start`, or -1. */
function stringEnd(json: string, start: number): number {
  for (let at = json.indexOf('"', start + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let escapes = 0;
    while (json.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at;
  }
  return -1;
}
