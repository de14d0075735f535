// A certificate that cannot be decoded.
const UNREADABLE = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";

/**
 * Closes a connection so that the peer sees RST. It works if received bytes are still unread and no
 * read is pending; else the peer sees an ordinary end.
 *
 * `conn.close()` does not do: it shuts the sending half first, so the peer reads an orderly end
 * (FIN) before the RST that Linux sends for unread bytes. `Deno.startTls` takes the socket out of
 * the connection in one piece and, failing at the certificate before it has sent a byte, drops it
 * as such: that close is the only thing the peer sees. Tested on both supported Deno versions.
 */
export async function resetConnection(conn: Deno.TcpConn): Promise<void> {
  try {
    const tls = await Deno.startTls(conn, { hostname: "localhost", caCerts: [UNREADABLE] });
    tls.close();
  } catch {
    // Meant to fail; the socket is gone with it, unless a read was pending.
    closeQuietly(conn);
  }
}

/** Closes a connection that may be closed already. */
export function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Closed before.
  }
}
