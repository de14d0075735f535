/**
 * `make bench-large`: what small calls have to wait while others send bodies of 30 MiB. Two connections send large
 * ones, each the next when it has its answer; two make small calls at an even pace. Half a minute.
 *
 *   BENCH_BESIDE=DIR   also the router of another checkout
 */
import { concat } from "../../src/concat.ts";
import type { CallsResult } from "./load_calls.ts";
import { Child, denoRun, Lines, Load } from "./processes.ts";
import { residentMiB } from "./proc.ts";
import { startSubjects, type Subject, type SubjectKey } from "./subjects.ts";
import { MODEL } from "./wire.ts";

const SECONDS = 6;
const SENDERS = 2;
/** Small calls per second. */
const RATE = 200;
const BYTES = 30 * 1024 * 1024;

/** What is repeated in a body up to its size: nothing, a text, or a list. */
const KINDS: readonly (readonly [what: string, piece: string, isText: boolean])[] = [
  ["nothing else", "", true],
  ["one text", "x", true],
  ["one Chinese text", "好", true],
  ["messages", '{"role":"user","content":"hello there, how are you?"},', false],
  ["empty objects", "{},", false],
];

const beside = Deno.env.get("BENCH_BESIDE") || undefined;
await using stack = new AsyncDisposableStack();
const folder = await Deno.makeTempDir();
stack.defer(() => Deno.remove(folder, { recursive: true }));
const piped = { core: 1, stdin: "piped", stdout: "piped" } as const;
const backend = stack.use(new Child(denoRun("tests/bench/backend.ts"), piped));
const backendPort = Number(await new Lines(backend.stdout).next());
const load = new Load(stack.use(new Child(denoRun("tests/bench/load.ts"), piped)));
const only = new Set<SubjectKey>(["router"]);
if (beside !== undefined) only.add("beside");
const subjects = await startSubjects({ backendPort, folder, stack, only, beside });

console.log("| beside bodies of | | small calls p50 ms | p99 ms | large ones/s | router MiB |");
console.log("|---|---|---:|---:|---:|---:|");
for (const [what, piece, isText] of KINDS) {
  for (const subject of subjects) {
    const request = piece === "" ? undefined : requestOf(piece, isText);
    console.log(await row(subject, { what, request }));
  }
}

async function row(
  { name, port, child }: Subject,
  { what, request }: { what: string; request: Uint8Array | undefined },
): Promise<string> {
  const until = performance.now() + 1000 * SECONDS;
  let large = 0;
  const sending = Array.from({ length: request === undefined ? 0 : SENDERS }, async () => {
    for (; performance.now() < until; large++) await send(port, request!);
  });
  const { p50, p99 } = await load.run<CallsResult>({
    kind: "calls",
    port,
    connections: 2,
    seconds: SECONDS - 1,
    twoWrites: false,
    rate: RATE,
  });
  await Promise.all(sending);
  const memory = residentMiB(child!.pid).toFixed(0);
  const rate = (large / SECONDS).toFixed(1);
  return `| ${what} | ${name} | ${p50.toFixed(2)} | ${p99.toFixed(1)} | ${rate} | ${memory} |`;
}

function requestOf(piece: string, isText: boolean): Uint8Array {
  const encoder = new TextEncoder();
  const count = Math.floor(BYTES / encoder.encode(piece).length);
  const content = piece.repeat(count);
  const messages = isText ? `[{"role":"user","content":"${content}"}]` : `[${content}{}]`;
  const body = encoder.encode(`{"model":"${MODEL}","messages":${messages}}`);
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}`;
  return concat([encoder.encode(`${head}\r\nconnection: close\r\n\r\n`), body]);
}

/** Sends one, and takes its answer. Throws if that is no 200. */
async function send(port: number, request: Uint8Array): Promise<void> {
  using socket = await Deno.connect({ port });
  for (let at = 0; at < request.length;) at += await socket.write(request.subarray(at));
  const answer = await new Response(socket.readable).text();
  if (!answer.startsWith("HTTP/1.1 200 ")) throw new Error(answer.slice(0, 300));
}
