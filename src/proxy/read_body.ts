import { RouterError } from "../errors.ts";
import { bodyReader } from "./body_reader.ts";
import type { Cutoff } from "./cutoff.ts";
import type { Hold } from "./held_bytes.ts";

export interface ReadBodyOptions {
  /** Bytes. */
  maxBody: number;
  /** Ends the reading: a body that does not come must not hold its place for ever. */
  cutoff: Cutoff;
  /** Counts what the body occupies. */
  hold: Hold;
  /** The request's `content-length`, as it came. */
  length: string | undefined;
}

/** Bodies declared up to this size are read by one native call: the cheapest way, but nothing can end it. */
const AT_ONCE_BYTES = 64 * 1024;

/** What a larger body gets before any of it has come. */
const FIRST_BYTES = 64 * 1024;

/**
 * Reads a request's body into one buffer. A length declared above `maxBody` is refused with the body
 * untouched. What is not read to its end is left to be read by others.
 * Throws `RouterError`: `body_too_large`, `at_capacity`, `request_timeout` if it does not come in
 * time, or `client_closed` if it breaks off.
 */
export async function readBody(request: Request, options: ReadBodyOptions): Promise<Uint8Array> {
  const { maxBody, cutoff, hold, length } = options;
  if (cutoff.stopped) throw cutError(cutoff);
  // Deno 2.9 hands over repeated equal lengths as "5, 5": then what comes is counted.
  const declared = length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined;
  if (declared !== undefined && declared > maxBody) throw tooLarge(maxBody, `${declared} bytes`);
  if (declared !== undefined && declared <= AT_ONCE_BYTES) {
    hold.occupy(declared);
    return await unlessCut(request.bytes(), cutoff);
  }
  hold.expect(declared ?? FIRST_BYTES);
  const reader = bodyReader(request);
  if (reader !== undefined) return await readGrowing(reader, { ...options, declared });
  const bytes = await unlessCut(request.bytes(), cutoff);
  if (bytes.length > maxBody) throw tooLarge(maxBody, `${bytes.length} bytes`);
  hold.occupy(bytes.length);
  return bytes;
}

/**
 * Reads into the free end of one buffer that doubles: a list of pieces would cost thousands of times
 * their bytes if they are tiny, as each is a view on a buffer of its own.
 */
async function readGrowing(
  reader: ReadableStreamBYOBReader,
  { maxBody, cutoff, hold, declared }: ReadBodyOptions & { declared: number | undefined },
): Promise<Uint8Array> {
  // One byte more, so that the end, or too much, is seen without growing once again.
  const most = (declared ?? maxBody) + 1;
  let bytes = new Uint8Array(Math.min(most, FIRST_BYTES));
  hold.occupy(bytes.length);
  let size = 0;
  let whole = false;
  const stop = (): void => void reader.cancel().catch(() => {});
  cutoff.on(stop); // gives back at once what a call that is over still holds
  try {
    for (;;) {
      const { value, done } = await unlessCut(reader.read(bytes.subarray(size)), cutoff);
      if (value !== undefined) bytes = new Uint8Array(value.buffer);
      if (done) {
        whole = true;
        return bytes.subarray(0, size);
      }
      size += value.length;
      if (size > maxBody) throw tooLarge(maxBody, "more");
      if (size === bytes.length) {
        const larger = Math.min(most, bytes.length * 2);
        hold.occupy(bytes.length + larger); // both, while one is copied
        const grown = new Uint8Array(larger);
        grown.set(bytes);
        bytes = grown;
        hold.occupy(larger);
      }
    }
  } finally {
    cutoff.off(stop);
    if (!whole) reader.releaseLock(); // somebody may want to drop the rest
  }
}

/** Waits for a reading, but not for one of a call that is over. Throws `RouterError`. */
function unlessCut<T>(reading: Promise<T>, cutoff: Cutoff): Promise<T> {
  return new Promise((resolve, reject) => {
    const onCut = (): void => reject(cutError(cutoff));
    cutoff.on(onCut);
    reading.then((value) => {
      cutoff.off(onCut);
      resolve(value);
    }, (cause) => {
      cutoff.off(onCut);
      // Deno tells a client that left and one that breaks its own framing by the same words.
      const message = "the request body broke off, or its framing is broken";
      reject(new RouterError("client_closed", message, { cause }));
    });
  });
}

function cutError({ cause }: Cutoff): RouterError {
  return cause === "client_left"
    ? new RouterError("client_closed", "the client left while its request was read")
    : new RouterError(
      "request_timeout",
      "the request body did not come in time (timeouts.request)",
    );
}

function tooLarge(maxBody: number, received: string): RouterError {
  return new RouterError(
    "body_too_large",
    `the body may have at most ${maxBody} bytes (limits.max_body), received ${received}`,
  );
}
