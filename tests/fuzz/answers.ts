import { assertEquals } from "@std/assert";
import { UpstreamClient } from "../../src/upstream/client.ts";
import { UpstreamError } from "../../src/upstream/upstream_error.ts";
import { latin1, latin1Bytes } from "../support/raw_peer.ts";
import { fakeConnect, FakeSocket } from "../unit/upstream/support.ts";
import { Mutator } from "./mutate.ts";

const CORPUS: string[] = JSON.parse(
  await Deno.readTextFile(new URL("corpus/answers.json", import.meta.url)),
);

const WORDS = [
  "HTTP/1.1 200 OK\r\n",
  "HTTP/1.0 ",
  "HTTP/1.1 100 Continue\r\n\r\n",
  "content-length: 5\r\n",
  "content-length: ",
  "transfer-encoding: chunked\r\n",
  "transfer-encoding: ",
  "connection: close\r\n",
  "content-type: text/event-stream\r\n",
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\r",
  "\0",
  ":",
  " ",
  "\t",
  "0\r\n\r\n",
  "5\r\nhello\r\n",
  "ffffffff\r\n",
  "data: ",
  ";a=b",
  "\x80",
  "\xff",
];

/** What the client makes of an answer. */
interface Made {
  status?: number;
  headers?: readonly (readonly [string, string])[];
  body: string;
  error?: string;
}

/** No answer of the corpus is longer than what is put into it. */
const MAX_BODY = 1_000_000;

/**
 * Gives our client so many answers that nobody would send. Throws at the first that it reads otherwise if it comes in
 * other pieces, or that makes it throw what it must not; the message has the answer, for the corpus.
 */
export async function fuzzAnswers(seed: number, count: number): Promise<Record<string, number>> {
  const mutator = new Mutator(seed, { corpus: CORPUS, words: WORDS });
  const found: Record<string, number> = {};
  for (let number = 0; number < count; number++) {
    const text = number < CORPUS.length ? CORPUS[number]! : mutator.next();
    const bytes = latin1Bytes(text);
    const method = mutator.chance.one(["POST", "POST", "POST", "GET", "HEAD"]);
    const atEnd = mutator.chance.one(["fin", "fin", "reset"] as const);
    try {
      const whole = await read([bytes], { method, atEnd });
      const cut = await read(mutator.pieces(bytes), { method, atEnd });
      assertEquals(cut, whole);
      const kind = whole.error ?? "whole";
      found[kind] = (found[kind] ?? 0) + 1;
    } catch (error) {
      throw new Error(
        `answer ${number} of seed ${seed}, ${method}, ${atEnd}: ${
          JSON.stringify(text.slice(0, 5000))
        }`,
        { cause: error },
      );
    }
  }
  return found;
}

async function read(
  pieces: readonly Uint8Array[],
  { method, atEnd }: { method: string; atEnd: "fin" | "reset" },
): Promise<Made> {
  const made: Made = { body: "" };
  using _ = fakeConnect(new FakeSocket(pieces, { atEnd }));
  const client = new UpstreamClient({ host: "127.0.0.1", port: 1 });
  try {
    const stop = { stopped: false, on: () => {}, off: () => {} };
    const { status, headers, body } = await client.send(
      { method, target: "/", headers: [] },
      { connectTimeoutMs: 1000, stop },
    );
    Object.assign(made, { status, headers });
    for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
      if (piece.length === 0) throw new Error("an empty piece");
      made.body += latin1(piece);
      if (made.body.length > MAX_BODY) throw new Error("more than there was");
    }
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    made.error = `${error.kind}/${error.phase}`;
  } finally {
    client.close();
  }
  return made;
}
