import type { ClientConnection } from "./client_connection.ts";

/** All connections of clients there are, whichever accept loop took them. */
export class Connections {
  readonly #all = new Set<ClientConnection>();
  #waiting: (() => void)[] = [];

  get count(): number {
    return this.#all.size;
  }

  add(connection: ClientConnection): void {
    this.#all.add(connection);
  }

  delete(connection: ClientConnection): void {
    this.#all.delete(connection);
    if (this.#all.size > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Calls `use` with each, of which some may end meanwhile. */
  forEach(use: (connection: ClientConnection) => void): void {
    for (const connection of [...this.#all]) use(connection);
  }

  /** Resolves as soon as there is none. */
  none(): Promise<void> {
    if (this.#all.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
