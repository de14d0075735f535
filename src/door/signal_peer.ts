import type { Peer } from "../proxy/peer.ts";

/** The client of one request of `Deno.serve`, which tells of its leaving and can do nothing else to it. */
export class SignalPeer implements Peer {
  readonly address: string;
  readonly #signal: AbortSignal;

  constructor(address: string, signal: AbortSignal) {
    this.address = address;
    this.#signal = signal;
  }

  get left(): boolean {
    return this.#signal.aborted;
  }

  onLeft(listener: () => void): void {
    this.#signal.addEventListener("abort", listener);
  }

  offLeft(listener: () => void): void {
    this.#signal.removeEventListener("abort", listener);
  }

  answered(): void {}

  cut(): void {}
}
