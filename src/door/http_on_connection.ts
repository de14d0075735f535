/** What Deno's HTTP server does on one connection that was accepted by somebody else. */
export interface HttpOnConnection {
  /** Settles when the connection has ended, however. */
  readonly finished: Promise<void>;
  /** Lets what runs end, then closes; it can no longer be aborted then. */
  shutdown(): Promise<void>;
}

/** The part of an `AbortSignal` that the server uses. Its listener throws once the connection has ended. */
export interface AbortSource {
  addEventListener(type: "abort", listener: () => void): void;
}

/**
 * Serves HTTP on an accepted connection, which belongs to the server from then on. The `abort` that is
 * heard on `signal` closes the socket at once.
 */
export type ServeHttpOnConnection = (
  socket: Deno.TcpConn,
  signal: AbortSource,
  handler: (request: Request) => Response | Promise<Response>,
  onError: (error: unknown) => Response,
  onListen: () => void,
) => HttpOnConnection;

/**
 * The function behind `Deno.serve` for one connection, on Deno 2.6 to 2.9; undefined where there is
 * none. It is internal: `tests/integration/connection_contract_test.ts` holds it to what is used here.
 */
export function findServeHttpOnConnection(): ServeHttpOnConnection | undefined {
  const deno = Deno as unknown as Record<PropertyKey, Record<string, unknown> | undefined> & {
    internal: PropertyKey;
  };
  const found = deno[deno.internal]?.["serveHttpOnConnection"];
  return typeof found === "function" && found.length === 5
    ? found as ServeHttpOnConnection
    : undefined;
}
