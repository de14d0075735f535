/** What accepts connections on one address, until it fails or is stopped. */
export interface Acceptor {
  readonly addr: Deno.NetAddr;
  /** Resolves with the reason when it can accept no more, though it was not stopped. */
  readonly failed: Promise<unknown>;
  /** Accepts no more; resolves when all connections it accepted have ended. */
  stop(): Promise<void>;
  /** Ends all connections at once. */
  cut(): void;
}

export interface Address {
  host: string;
  port: number;
}
