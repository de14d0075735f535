import type { Call } from "./call.ts";

/** Headers in which clients send their API key: OpenAI's, Anthropic's. */
const KEYS: ReadonlySet<string> = new Set(["authorization", "x-api-key"]);

/** Who is to have as many turns as others: whoever has this API key, or else this address. Never to be told. */
export function callerOf(
  { headers }: Pick<Call, "headers">,
  { client }: { client: string },
): string {
  const key = headers.find(([name, value]) => KEYS.has(name) && value !== "");
  return key === undefined ? `address ${client}` : `key ${key[1]}`;
}
