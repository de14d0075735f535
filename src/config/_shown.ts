const LONGEST = 60;

/** A received value in words that fit into one line of a terminal, whatever it holds. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a mapping";
  return typeof value === "string" ? JSON.stringify(cut(visible(value))) : String(value);
}

/** A key or another name as it stands in an error message. */
export function shownName(name: string): string {
  return `\`${cut(visible(name))}\``;
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}

/** Nothing in a file may move the cursor or turn the reading direction of who reads the error. */
function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "\uFFFD");
}
