/** An origin as browsers send it: a scheme and a host, perhaps a port, and nothing behind it (RFC 6454, section 6.2). */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@\\,*]+$/i;

/**
 * Reads an origin, or `*` for any, and gives it the one spelling that browsers use: lower case, no port that
 * its scheme has anyway. Undefined if it is none.
 */
export function parseOrigin(text: string): string | undefined {
  if (text === "*") return text;
  if (!ORIGIN.test(text) || !URL.canParse(text)) return undefined;
  const { protocol, origin } = new URL(text);
  return protocol === "http:" || protocol === "https:" ? origin : text.toLowerCase();
}
