/** Answers requests, and tells `peer` when an answer has ended. */
export type Handler = (request: Request, peer: Peer) => Response | Promise<Response>;

/** The client at the other end of a connection, as a call sees it. */
export interface Peer {
  /** Its IP address. */
  readonly address: string;
  /** Whether it has left. */
  readonly left: boolean;
  /** Calls `listener` once, when the client leaves. */
  onLeft(listener: () => void): void;
  offLeft(listener: () => void): void;
  /**
   * The answer to its request has ended; to be called once for each request. `unread`: much of it may
   * not have reached the client yet.
   */
  answered(how?: { unread: boolean }): void;
  /** Ends the connection at once, whatever the client has not read yet. */
  cut(): void;
}
