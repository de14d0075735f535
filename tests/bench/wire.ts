/**
 * What the bench's backend and load agree on. Every event has the same size and carries its number
 * and the time at which it was sent, so that the load can prove that it got each one, and how late.
 */

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

/** One chunk of the chunked transfer coding. */
export function encodeChunk(data: Uint8Array): Uint8Array {
  const head = encoder.encode(`${data.length.toString(16)}\r\n`);
  const chunk = new Uint8Array(head.length + data.length + 2);
  chunk.set(head);
  chunk.set(data, head.length);
  chunk.set([13, 10], head.length + data.length);
  return chunk;
}

/** A chat request as a client sends it, head and body. `order` asks for a stream. */
export function encodeCall(order?: StreamOrder): { head: Uint8Array; body: Uint8Array } {
  const body = encoder.encode(JSON.stringify({
    model: MODEL,
    messages: [{ role: "user", content: "Say something short." }],
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
