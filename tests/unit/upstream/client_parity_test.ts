/** Our client and Node's read the same answers from the same bytes, however these are framed and cut. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { request } from "node:http";
import { latin1, latin1Bytes, type PeerConnection, RawPeer } from "../../support/raw_peer.ts";
import { readAll, TestClient } from "./support.ts";

interface Answer {
  status: number;
  reason: string;
  headers: [name: string, value: string][];
  /** How the body is framed, and the body in the pieces its chunks have. */
  framing: "length" | "chunked" | "until_close";
  chunks: string[];
  interim: boolean;
  trailer: boolean;
  /** Where the bytes on the wire are cut, as shares of the whole. */
  cuts: number[];
}

interface Read {
  status: number;
  headers: [name: string, value: string][];
  body: string;
}

const name = fc.stringMatching(/^[Xx]-[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/);
const value = fc.stringMatching(/^([!-~]([!-~ \t]{0,20}[!-~])?)?$/);
const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 60 })
  .map((codes) => String.fromCharCode(...codes));

const answers: fc.Arbitrary<Answer> = fc.record({
  status: fc.constantFrom(200, 201, 206, 299, 301, 400, 404, 429, 500, 503),
  reason: fc.constantFrom("", " ", " OK", " Not Found  at all"),
  headers: fc.array(fc.tuple(name, value), { maxLength: 6 }),
  framing: fc.constantFrom("length", "chunked", "until_close"),
  chunks: fc.array(octets, { maxLength: 5 }),
  interim: fc.boolean(),
  trailer: fc.boolean(),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }),
});

function encode({ status, reason, headers, framing, chunks, interim, trailer }: Answer): string {
  const body = chunks.join("");
  const lines = headers.map(([name, value]) => `${name}:${value}\r\n`).join("");
  const head = `HTTP/1.1 ${status}${reason}\r\n${lines}`;
  const before = interim ? "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" : "";
  if (framing === "length") return `${before}${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  if (framing === "until_close") return `${before}${head}\r\n${body}`;
  const coded = chunks.map((chunk, index) => {
    const size = index % 2 === 0 ? chunk.length.toString(16) : `0${chunk.length.toString(16)};a=b`;
    return `${size}\r\n${chunk}\r\n`;
  });
  const end = `0\r\n${trailer ? "x-trailer: t\r\n" : ""}\r\n`;
  return `${before}${head}Transfer-Encoding: chunked\r\n\r\n${coded.join("")}${end}`;
}

function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((share) => Math.floor(share * bytes.length)), bytes.length];
  places.sort((a, b) => a - b);
  return places.slice(1).map((place, index) => bytes.subarray(places[index], place));
}

/** What is ours to compare: the headers that were generated, names in lower case, in order. */
function generated(headers: readonly (readonly [string, string])[]): [string, string][] {
  return headers.map(([name, value]): [string, string] => [name.toLowerCase(), value])
    .filter(([name]) => name.startsWith("x-"));
}

async function readOurs(client: TestClient): Promise<Read> {
  const { status, headers, body } = await client.ask();
  return { status, headers: generated(headers), body: latin1(await readAll(body)) };
}

function readNodes(port: number): Promise<Read> {
  const { promise, resolve, reject } = Promise.withResolvers<Read>();
  const asked = request({ host: "127.0.0.1", port, agent: false }, (answer) => {
    let body = "";
    answer.on("data", (piece: Uint8Array) => body += latin1(piece));
    answer.on("error", reject);
    answer.on("end", () => {
      const raw = answer.rawHeaders;
      const headers: [string, string][] = [];
      for (let at = 0; at < raw.length; at += 2) headers.push([raw[at]!, raw[at + 1]!]);
      resolve({ status: answer.statusCode!, headers: generated(headers), body });
    });
  });
  asked.on("error", reject);
  asked.end();
  return promise;
}

Deno.test("the client reads every valid answer as Node does", async () => {
  let wire: Uint8Array[] = [];
  await using peer = RawPeer.start(async (conn: PeerConnection) => {
    await conn.readRequest();
    for (const piece of wire) await conn.write(piece);
    conn.close();
  });
  using client = new TestClient(peer);
  await fc.assert(
    fc.asyncProperty(answers, async (answer) => {
      wire = cut(latin1Bytes(encode(answer)), answer.cuts);
      const expected = {
        status: answer.status,
        headers: generated(answer.headers),
        body: answer.chunks.join(""),
      };
      assertEquals(await readOurs(client), expected);
      assertEquals(await readNodes(peer.port), expected);
    }),
    { seed: 20240115, numRuns: 300 },
  );
});
