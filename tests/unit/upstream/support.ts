import { assertInstanceOf } from "@std/assert";
import { UpstreamClient, type UpstreamResponse } from "../../../src/upstream/client.ts";
import type { ResponseBody } from "../../../src/upstream/body.ts";
import type { UpstreamRequest } from "../../../src/upstream/request_head.ts";
import { stopOn } from "../../../src/upstream/stop.ts";
import { UpstreamError } from "../../../src/upstream/upstream_error.ts";
import { latin1, latin1Bytes, type RawPeer } from "../../support/raw_peer.ts";

/** A socket whose reads give exactly the pieces it was made of, and then the end. */
export class FakeSocket {
  readonly written: Uint8Array[] = [];
  closed = false;
  readonly #pieces: Uint8Array[];
  readonly #atEnd: "fin" | "reset" | "stall";

  constructor(
    pieces: readonly (string | Uint8Array)[],
    { atEnd = "fin" }: { atEnd?: "fin" | "reset" | "stall" } = {},
  ) {
    this.#pieces = pieces.map((piece) => typeof piece === "string" ? latin1Bytes(piece) : piece)
      .filter((piece) => piece.length > 0);
    this.#atEnd = atEnd;
  }

  /** As what the client takes it for. */
  get conn(): Deno.TcpConn {
    return this as unknown as Deno.TcpConn;
  }

  setNoDelay(): void {}

  read(into: Uint8Array): Promise<number | null> {
    if (this.closed) return Promise.reject(new Deno.errors.BadResource("closed"));
    const piece = this.#pieces.shift();
    if (piece === undefined) {
      if (this.#atEnd === "stall") return new Promise(() => {});
      if (this.#atEnd === "reset") return Promise.reject(new Deno.errors.ConnectionReset("reset"));
      return Promise.resolve(null);
    }
    const count = Math.min(piece.length, into.length);
    into.set(piece.subarray(0, count));
    if (count < piece.length) this.#pieces.unshift(piece.subarray(count));
    return Promise.resolve(count);
  }

  write(bytes: Uint8Array): Promise<number> {
    this.written.push(bytes.slice());
    return Promise.resolve(bytes.length);
  }

  close(): void {
    this.closed = true;
  }
}

/** While it lives, every `Deno.connect` gives the next of these sockets. */
export function fakeConnect(...sockets: FakeSocket[]): Disposable {
  const real = Deno.connect;
  const left = [...sockets];
  Object.assign(Deno, {
    connect: () => {
      const socket = left.shift();
      return socket === undefined
        ? Promise.reject(new Error("a connection too many"))
        : Promise.resolve(socket.conn);
    },
  });
  return { [Symbol.dispose]: () => void Object.assign(Deno, { connect: real }) };
}

const never = new AbortController().signal;

/** A client for a peer; disposing closes its idle connections. */
export class TestClient extends UpstreamClient implements Disposable {
  constructor(
    { port }: Pick<RawPeer, "port">,
    options: { idleMs?: number; maxIdle?: number; now?: () => number } = {},
  ) {
    super({ host: "127.0.0.1", port, ...options });
  }

  ask(
    request: Partial<UpstreamRequest> = {},
    { signal = never, connectTimeoutMs = 10_000, fresh = false } = {},
  ): Promise<UpstreamResponse> {
    return this.send(
      { method: "GET", target: "/", headers: [], ...request },
      { connectTimeoutMs, stop: stopOn(signal), fresh },
    );
  }

  /** Asks and reads all of the answer, as text. */
  async text(request: Partial<UpstreamRequest> = {}): Promise<string> {
    return latin1(await readAll((await this.ask(request)).body));
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A client whose connections are these sockets. */
export async function exchange(
  socket: FakeSocket,
  method = "GET",
): Promise<UpstreamResponse & { bytes: Uint8Array }> {
  using _ = fakeConnect(socket);
  using client = new TestClient({ port: 1 });
  const response = await client.ask({ method });
  return { ...response, bytes: await readAll(response.body) };
}

export async function readAll(body: ResponseBody): Promise<Uint8Array> {
  const pieces: number[] = [];
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    if (piece.length === 0) throw new Error("an empty piece");
    for (const byte of piece) pieces.push(byte);
  }
  return Uint8Array.from(pieces);
}

/** The `UpstreamError` that a promise must be rejected with. */
export async function failure(promise: Promise<unknown>): Promise<UpstreamError> {
  try {
    await promise;
  } catch (error) {
    assertInstanceOf(error, UpstreamError);
    return error;
  }
  throw new Error("expected a failure");
}

/** What a retry decision reads. */
export function facts(error: UpstreamError): Record<string, unknown> {
  const { kind, phase, delivered, answered, reused } = error;
  return { kind, phase, delivered, answered, reused };
}

/** Every way to cut a text in two, the text as a whole, and byte by byte. */
export function* splits(text: string): Generator<string[]> {
  yield [text];
  yield [...text];
  for (let at = 1; at < text.length; at++) yield [text.slice(0, at), text.slice(at)];
}
