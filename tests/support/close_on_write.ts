import { Connection } from "../../src/upstream/connection.ts";

/**
 * Closes the peer's end in the very turn in which the router next writes on a kept connection, so that
 * nobody can have noticed: the moment that a server's idle limit has by chance.
 */
export function closeOnNextWrite(peer: () => { close(): void }): void {
  const { write } = Connection.prototype;
  Connection.prototype.write = function (bytes): Promise<void> {
    if (this.uses > 1) {
      Connection.prototype.write = write;
      peer().close();
    }
    return write.call(this, bytes);
  };
}
