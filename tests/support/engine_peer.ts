import { type PeerConnection, type PeerRequest, RawPeer } from "./raw_peer.ts";

/**
 * An engine on raw TCP: well and serving the model `peer`, or those of these cards, with every POST answered by
 * the script.
 */
export function startEnginePeer(
  onPost: (conn: PeerConnection, request: PeerRequest) => Promise<unknown> | void,
  { cards = [{ id: "peer", object: "model" }] as readonly Record<string, unknown>[] } = {},
): RawPeer {
  return RawPeer.start(async (conn) => {
    for (
      let request = await conn.readRequest();
      request !== undefined;
      request = await conn.readRequest()
    ) {
      if (request.method === "POST") await onPost(conn, request);
      else await conn.write(jsonAnswer({ object: "list", data: cards }));
    }
  });
}

/** The POSTs among what a peer was sent. */
export function posts(peer: RawPeer): PeerRequest[] {
  return peer.requests.filter((request) => request.method === "POST");
}

/** A whole JSON answer on the wire. */
export function jsonAnswer(
  value: unknown,
  { status = "200 OK", headers = [] as readonly string[] } = {},
): string {
  const body = JSON.stringify(value);
  const lines = ["content-type: application/json", `content-length: ${body.length}`, ...headers];
  return `HTTP/1.1 ${status}\r\n${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** The head of a chunked event stream. */
export const STREAM_HEAD =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";

/** One chunk of the chunked transfer coding; none ends the body. */
export function chunk(data: Uint8Array | string = ""): Uint8Array {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const head = new TextEncoder().encode(`${bytes.length.toString(16)}\r\n`);
  const all = new Uint8Array(head.length + bytes.length + 2);
  all.set(head);
  all.set(bytes, head.length);
  all.set([13, 10], head.length + bytes.length);
  return all;
}
