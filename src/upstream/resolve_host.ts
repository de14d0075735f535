import { lookup } from "node:dns";

/** The addresses of a name, in the order in which they are to be tried. Rejects if it has none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** As the system resolves (hosts file, DNS, what nsswitch.conf names), in its order (RFC 6724). */
export function resolveHost(host: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    // Not from node:dns/promises, which on Deno 2.6 prints a deprecation warning into the log.
    lookup(host, { all: true, verbatim: true }, (error, addresses) => {
      if (error !== null) reject(error);
      else resolve([...new Set(addresses.map(({ address }) => address))]);
    });
  });
}
