const encoder = new TextEncoder();

/** How soon a client may ask again. */
const RETRY_SECONDS = 1;

/** How long a client that is turned away may take to read its answer, milliseconds. */
const LINGER_MS = 1000;

const MESSAGE = "the router has as many connections as it may (limits.max_connections)";
const BODY = JSON.stringify({
  error: MESSAGE,
  code: "at_capacity",
  type: "service_unavailable",
  param: null,
});
const ANSWER = encoder.encode(
  "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n" +
    `content-length: ${BODY.length}\r\nretry-after: ${RETRY_SECONDS}\r\n` +
    `x-infinilm-service: infinilm-router\r\nconnection: close\r\n\r\n${BODY}`,
);

let atOnce = 0;

/**
 * Answers a connection that is one too many with 503, without reading what it asks, and closes it once
 * the client has read that, or soon: closing at once would reset the connection under the answer. `most` at a time;
 * beyond that connections are closed without one.
 */
export async function turnAway(socket: Deno.TcpConn, most: number): Promise<void> {
  if (atOnce >= most) return socket.close();
  atOnce++;
  const timer = setTimeout(() => close(socket), LINGER_MS);
  try {
    await socket.write(ANSWER);
    await socket.closeWrite();
    const dropped = new Uint8Array(4096);
    while (await socket.read(dropped) !== null);
  } catch {
    // it left, or took too long
  } finally {
    clearTimeout(timer);
    atOnce--;
    close(socket);
  }
}

function close(socket: Deno.TcpConn): void {
  try {
    socket.close();
  } catch {
    // closed before
  }
}
