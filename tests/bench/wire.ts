/**
 * What the bench's backend and load agree on. Every event has the same size and carries its number
 * and the time at which it was sent, so that the load can prove that it got each one, and how late.
 */

import { concat } from "../../src/concat.ts";

const encoder = new TextEncoder();

export const MODEL = "bench";

/** The answer to every call that is not streamed: a short chat completion. */
export const ANSWER = JSON.stringify({
  id: "chatcmpl-bench",
  object: "chat.completion",
  created: 1700000000,
  model: MODEL,
  choices: [{
    index: 0,
    message: { role: "assistant", content: "A short answer, as a benchmark wants it." },
    finish_reason: "stop",
  }],
  usage: { prompt_tokens: 12, completion_tokens: 9, total_tokens: 21 },
});

/** The last event of a stream. */
export const DONE: Uint8Array = encoder.encode("data: [DONE]\n\n");

/** How a stream is to come. */
export interface StreamOrder {
  /** How many events before `[DONE]`. */
  readonly events: number;
  /** Events per second; 0 = as fast as the socket takes them. */
  readonly rate: number;
}

const BEFORE_TIME = 'data: {"t":"';
const TIME_DIGITS = 17;
const BEFORE_NUMBER = '","n":"';
const NUMBER_DIGITS = 7;
const REST = '","id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,' +
  `"model":"${MODEL}","choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}\n\n`;
const TIME_AT = BEFORE_TIME.length;
const NUMBER_AT = TIME_AT + TIME_DIGITS + BEFORE_NUMBER.length;

/** The size of one event, bytes. */
export const EVENT_BYTES: number = NUMBER_AT + NUMBER_DIGITS + REST.length;

/** Milliseconds since 1970 with microseconds: the one clock that both processes can read. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}

/** Event `number` of a stream, sent at `time` (of `clock`). */
export function encodeEvent(number: number, time: number): Uint8Array {
  const digits = String(number).padStart(NUMBER_DIGITS, "0");
  return encoder.encode(BEFORE_TIME + time.toFixed(3) + BEFORE_NUMBER + digits + REST);
}

/** When the event that begins at `at` was sent. Throws if it is not event `number`. */
export function readEvent(bytes: Uint8Array, at: number, number: number): number {
  const found = readDigits(bytes, at + NUMBER_AT, NUMBER_DIGITS);
  if (bytes[at] !== 100 || found !== number) {
    throw new Error(`event ${number} was expected, event ${found} came`);
  }
  const whole = readDigits(bytes, at + TIME_AT, TIME_DIGITS - 4);
  return whole + readDigits(bytes, at + TIME_AT + TIME_DIGITS - 3, 3) / 1000;
}

function readDigits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) value = value * 10 + bytes[i]! - 48;
  return value;
}

const CRLF = encoder.encode("\r\n");

/** One chunk of the chunked transfer coding. */
export function encodeChunk(data: Uint8Array): Uint8Array {
  return concat([encoder.encode(`${data.length.toString(16)}\r\n`), data, CRLF]);
}

/** A message of about 600 bytes, as people write to a model: line breaks, quotes, code, Chinese. */
const MESSAGE = [
  'Here is what "make run" prints on the second node; the first one is fine:',
  '```\n\tERROR loader: cannot open "C:\\models\\9g_8b\\config.json"\n\tretrying in 5 s\n```',
  "请先用中文解释这条错误信息的原因，再给出修改后的启动命令，并说明每个参数的作用。",
  "Keep the answer short: three steps at most, then one line that says how to check the result. " +
  "If a setting is missing, name it – don't guess – and say where its default is documented.",
  "另外，如果显存不足，应当先减少并发请求数还是缩短上下文长度？",
].join("\n\n");

/** A conversation whose messages have at least `bytes` bytes as JSON, and at most 700 more. */
function conversation(bytes: number): { role: string; content: string }[] {
  const messages: { role: string; content: string }[] = [];
  for (let size = 0; size < bytes; size += encoder.encode(JSON.stringify(messages.at(-1))).length) {
    const turn = messages.length + 1;
    const role = turn % 2 === 1 ? "user" : "assistant";
    messages.push({ role, content: `(${turn}) ${MESSAGE}` });
  }
  return messages;
}

/**
 * A chat request as a client sends it, head and body. `order` asks for a stream. Without `prompt`
 * the body has 130 bytes, with it that many or a little more.
 */
export function encodeCall(
  { order, prompt }: { order?: StreamOrder; prompt?: number } = {},
): { head: Uint8Array; body: Uint8Array } {
  const body = encoder.encode(JSON.stringify({
    model: MODEL,
    messages: prompt === undefined
      ? [{ role: "user", content: "Say something short." }]
      : conversation(prompt),
    temperature: 0.7,
    max_tokens: 64,
    ...(order === undefined ? {} : { stream: true, order }),
  }));
  const head = encoder.encode(
    "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\n" +
      "content-type: application/json\r\nauthorization: Bearer sk-bench\r\n" +
      `user-agent: bench/1.0\r\ncontent-length: ${body.length}\r\n\r\n`,
  );
  return { head, body };
}

/** Writes all of `bytes`, as fast as the peer takes them. */
export async function writeAll(socket: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
}
