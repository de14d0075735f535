import { descriptors } from "../support/descriptors.ts";
import { jsonAnswer, posts, startEnginePeer } from "../support/engine_peer.ts";
import { latin1, latin1Bytes, type PeerRequest } from "../support/raw_peer.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";
import { Mutator } from "./mutate.ts";

const CORPUS: string[] = JSON.parse(
  await Deno.readTextFile(new URL("corpus/requests.json", import.meta.url)),
);

const WORDS = [
  "POST /v1/chat/completions HTTP/1.1\r\n",
  "GET /health HTTP/1.1\r\n",
  " HTTP/1.0\r\n",
  "host: x\r\n",
  "host: ",
  "content-length: 5\r\n",
  "content-length: ",
  "transfer-encoding: chunked\r\n",
  "transfer-encoding: ",
  "connection: close\r\n",
  "expect: 100-continue\r\n",
  "upgrade: h2c\r\n",
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\r",
  "\0",
  ":",
  " ",
  "\t",
  "0\r\n\r\n",
  "%00",
  "%2f",
  "../",
  "//",
  "?",
  "#",
  "\\",
  '"model":"peer"',
  '"stream":true',
  "[".repeat(300),
  "\x80",
  "\xff",
];

/** Inputs that are on their way at the same time. */
const AT_ONCE = 48;
/** How long the router may think about one that it may take for half a request, milliseconds. */
const PATIENCE_MS = 100;

const STATUS_LINE = /^HTTP\/1\.[01] (\d{3}) /;
/** What may be said to whoever speaks nonsense, or not; never that the router failed. */
const STATUSES: ReadonlySet<number> = new Set(
  [100, 200, 204, 400, 404, 405, 408, 411, 413, 414, 415, 417, 421, 426, 429, 431, 501, 503, 505],
);
/** The type of the frame with which an HTTP/2 server begins (RFC 9113, section 3.4). */
const HTTP2_SETTINGS = 4;
const TARGET = /^\/v1\/[a-z_/]+(\?[!-~]*)?$/;

/**
 * Sends a real router so many inputs that are no requests, or hardly any. Throws at the first answer that is none of
 * HTTP, or says that the router failed, and at the end if an engine was sent what is no request, or something is left.
 */
export async function fuzzRequests(seed: number, count: number): Promise<Record<string, number>> {
  const mutator = new Mutator(seed, { corpus: CORPUS, words: WORDS });
  await using engine = startEnginePeer((conn) => conn.write(jsonAnswer({ choices: [] })));
  await using router = await RouterProcess.start(
    `${backendsYaml([`http://127.0.0.1:${engine.port}`])}timeouts: { request: 2s }\n`,
  );
  const before = descriptors(router.pid);
  const found: Record<string, number> = {};
  let number = 0;
  const work = async (): Promise<void> => {
    while (number < count) {
      const text = number < CORPUS.length ? CORPUS[number]! : mutator.next();
      const own = number++;
      const told = await send(router.port, mutator.pieces(latin1Bytes(text)));
      const kind = kindOf(told);
      found[kind] = (found[kind] ?? 0) + 1;
      if (kind === "?" || (/^\d/.test(kind) && !STATUSES.has(Number(kind)))) {
        const input = JSON.stringify(text.slice(0, 5000));
        throw new Error(`input ${own} of seed ${seed}: ${input}: ${told.slice(0, 500)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await nothingIsLeft(router, before);
  for (const request of posts(engine)) assertRequest(request);
  return found;
}

function kindOf(told: string): string {
  if (told === "") return "silence";
  if (told.charCodeAt(3) === HTTP2_SETTINGS) return "HTTP/2"; // Deno speaks it, if it is begun with
  return STATUS_LINE.exec(told)?.[1] ?? "?";
}

/** What came first of an answer; empty if there was none in time. */
async function send(port: number, pieces: readonly Uint8Array[]): Promise<string> {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  const timer = setTimeout(() => close(socket), PATIENCE_MS);
  let told = "";
  try {
    const reading = (async () => {
      const buffer = new Uint8Array(4096);
      const count = await socket.read(buffer);
      if (count !== null) told = latin1(buffer.subarray(0, count));
    })();
    reading.catch(() => {});
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) at += await socket.write(piece.subarray(at));
    }
    await reading;
  } catch {
    // it was closed by one of the two
  } finally {
    clearTimeout(timer);
    close(socket);
  }
  return told;
}

function close(socket: Deno.TcpConn): void {
  try {
    socket.close();
  } catch {
    // closed before
  }
}

async function nothingIsLeft(router: RouterProcess, before: number): Promise<void> {
  await until("nothing is in flight", async () => {
    const { services } = await (await router.fetch("/stats")).json();
    return services[0].in_flight === 0;
  });
  const answer = await router.post("/v1/chat/completions", chat("peer"));
  if (!answer.ok) throw new Error(`a call afterwards: ${answer.status} ${await answer.text()}`);
  await answer.body?.cancel();
  await until("descriptors are given back", () => descriptors(router.pid) <= before + 4, {
    seen: () => `${descriptors(router.pid)} descriptors, ${before} before`,
  });
  const defect = router.log.find(({ message }) => message === "internal error");
  if (defect !== undefined) throw new Error(JSON.stringify(defect));
  if (router.noise !== "") throw new Error(router.noise.slice(0, 2000));
}

/** Throws for what no engine should be sent. */
function assertRequest({ head, target, headers, body }: PeerRequest): void {
  const lengths = headers.filter(([name]) => name === "content-length");
  const hosts = headers.filter(([name]) => name === "host");
  const coded = headers.filter(([name]) => name === "transfer-encoding");
  const isWhole = lengths.length === 1 && Number(lengths[0]![1]) === body.length;
  if (!TARGET.test(target) || hosts.length !== 1 || coded.length > 0 || !isWhole) {
    throw new Error(`an engine was sent: ${JSON.stringify(head)}`);
  }
  JSON.parse(new TextDecoder().decode(body));
}
