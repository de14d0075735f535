import { RawClient } from "../support/raw_client.ts";
import type { Chance } from "../support/chance.ts";

/** What a client saw of its call. */
export interface Seen {
  readonly id: string;
  /** How long it stayed: to the end, or until it left, before its request was whole or behind it. */
  readonly stayed: "to_the_end" | "for_the_request" | "for_a_part";
  readonly status?: number;
  /** Whether its framing was kept to the end. */
  readonly complete?: boolean;
  readonly body?: string;
  readonly events?: boolean;
}

/** The longest that one that leaves stays, milliseconds. */
const PATIENCE_MS = 60;

const TURNED_AWAY_MS = 50;

/** Makes one call, as one of many clients would. */
export async function callAs(
  id: string,
  { port, chance }: { port: number; chance: Chance },
): Promise<Seen> {
  const stream = chance.is(0.6);
  const chat = chance.is(0.8);
  const body = JSON.stringify({
    model: "sim",
    ...(chat ? { messages: [{ role: "user", content: id }] } : { prompt: id }),
    stream,
    max_tokens: chance.integer(2, 40),
    padding: "x".repeat(chance.one([0, 10, 3000])),
  });
  const path = chat ? "/v1/chat/completions" : "/v1/completions";
  const head = `POST ${path} HTTP/1.1\r\nhost: x\r\nx-request-id: ${id}\r\n` +
    `authorization: Bearer key-${chance.integer(1, 3)}\r\n` +
    `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  const leaves = chance.is(0.3);
  const patienceMs = chance.number(PATIENCE_MS);
  using client = await RawClient.connect(port);
  if (leaves && chance.is(0.15)) {
    await client.write((head + body).slice(0, chance.integer(1, head.length + body.length - 1)));
    await pause(patienceMs);
    return { id, stayed: "for_a_part" };
  }
  if (chance.is(0.5)) await client.write(head + body);
  else {
    await client.write(head);
    if (chance.is(0.2)) await pause(5);
    await client.write(body);
  }
  if (leaves) {
    await pause(patienceMs);
    return { id, stayed: "for_the_request" };
  }
  const answer = await client.answer();
  // One that is turned away does not ask again at once; else a moment without engines would be all of a run.
  if (answer.status === 429 || answer.status === 503) await pause(chance.number(TURNED_AWAY_MS));
  const events = answer.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  return { id, stayed: "to_the_end", ...answer, events };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
