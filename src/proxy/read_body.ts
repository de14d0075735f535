import { RouterError } from "../errors.ts";
import { bodyReader } from "./body_reader.ts";
import { shuttingDown } from "./classify.ts";
import type { Cutoff } from "./cutoff.ts";
import type { Hold } from "../admission/held_bytes.ts";

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
const AT_ONCE_BYTES = 256 * 1024;

/** How much is read of a larger body at a time. */
const READ_BYTES = 64 * 1024;

/**
 * Reads a request's body into one buffer. A length declared above `maxBody` is refused with the body
 * untouched. What is not read to its end is left to be read by others.
 * Throws `RouterError`: `body_too_large`, `at_capacity`, `request_timeout` if it does not come in
 * time, or `client_closed` if it breaks off.
 */
export async function readBody(request: Request, options: ReadBodyOptions): Promise<Uint8Array> {
  const { maxBody, cutoff, hold, length } = options;
  throwIfCut(cutoff);
  // Deno 2.9 hands over repeated equal lengths as "5, 5": then what comes is counted.
  const declared = length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined;
  if (declared !== undefined && declared > maxBody) throw tooLarge(maxBody, `${declared} bytes`);
  hold.expect(declared ?? READ_BYTES);
  if (declared !== undefined && declared <= AT_ONCE_BYTES && hold.all.beginUnseen(declared)) {
    const reading = request.bytes().finally(() => hold.all.endUnseen(declared));
    return kept(await unlessCut(reading, cutoff), hold);
  }
  const reader = bodyReader(request);
  if (reader !== undefined) return await readGrowing(reader, { ...options, declared });
  const bytes = await unlessCut(request.bytes(), cutoff);
  if (bytes.length > maxBody) throw tooLarge(maxBody, `${bytes.length} bytes`);
  return kept(bytes, hold);
}

function kept(bytes: Uint8Array<ArrayBuffer>, hold: Hold): Uint8Array {
  hold.keep(bytes.buffer);
  hold.occupy(bytes.length);
  return bytes;
}

/**
 * Reads into one buffer: a list of pieces would cost thousands of times their bytes if they are tiny,
 * as each is a view on a buffer of its own. Memory that nothing was written to is not occupied, so only
 * what has come is counted.
 */
async function readGrowing(
  reader: ReadableStreamBYOBReader,
  { maxBody, cutoff, hold, declared }: ReadBodyOptions & { declared: number | undefined },
): Promise<Uint8Array> {
  const most = declared ?? maxBody;
  // A declared body at once: of steps that double, the allocator keeps what was outgrown.
  let all = new Uint8Array(declared ?? READ_BYTES);
  hold.keep(all.buffer);
  let piece = new Uint8Array(READ_BYTES);
  let size = 0;
  try {
    for (;;) {
      const { value, done } = await unlessCut(reader.read(piece), cutoff);
      if (done) return all.subarray(0, size);
      if (size + value.length > maxBody) throw tooLarge(maxBody, "more");
      hold.occupy(size + value.length);
      if (size + value.length > all.length) {
        const larger = new Uint8Array(Math.min(most, all.length * 2));
        larger.set(all);
        all.buffer.transfer(0); // a transfer to a larger one would leave it to V8 to free this one
        all = larger;
        hold.keep(all.buffer);
      }
      all.set(value, size);
      size += value.length;
      piece = new Uint8Array(value.buffer);
    }
  } catch (error) {
    reader.releaseLock(); // somebody may want to drop the rest
    throw error;
  }
}

/** Waits for a reading, but not for one of a call that is over. Throws `RouterError`. */
function unlessCut<T>(reading: Promise<T>, cutoff: Cutoff): Promise<T> {
  return new Promise((resolve, reject) => {
    const onCut = (): void => reject(cutError(cutoff));
    if (cutoff.stopped) onCut();
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

/** Throws `RouterError` for a call that is over. */
export function throwIfCut(cutoff: Cutoff): void {
  if (cutoff.stopped) throw cutError(cutoff);
}

function cutError({ cause }: Cutoff): RouterError {
  if (cause === "shutdown") return shuttingDown();
  return cause === "client_left"
    ? new RouterError("client_closed", "the client left while its request was read")
    : new RouterError(
      "request_timeout",
      "the request body did not come, or was not read, in time (timeouts.request)",
    );
}

function tooLarge(maxBody: number, received: string): RouterError {
  return new RouterError(
    "body_too_large",
    `the body may have at most ${maxBody} bytes (limits.max_body), received ${received}`,
  );
}
