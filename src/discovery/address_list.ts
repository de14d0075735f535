import { BlockList, isIP } from "node:net";

const CIDR = /^([0-9A-Fa-f.:]+?)(?:\/(\d{1,3}))?$/;

/** A set of IP addresses, written as networks: `10.0.0.0/8`, `fd00::/8`, or single addresses. */
export class AddressList {
  readonly #list = new BlockList();

  /** Throws `RangeError` that names the first one that is no network. */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [, address = "", bits] = CIDR.exec(network.trim()) ?? [];
      const version = isIP(address);
      const most = version === 4 ? 32 : 128;
      const prefix = bits === undefined ? most : Number(bits);
      if (version === 0 || prefix > most) {
        throw new RangeError(
          `a network such as 10.0.0.0/8 or fd00::/8 is needed, received ${
            JSON.stringify(network.slice(0, 80))
          }`,
        );
      }
      this.#list.addSubnet(address, prefix, version === 4 ? "ipv4" : "ipv6");
    }
  }

  /** Whether it holds an address; false for what is none. IPv4 inside IPv6 counts as IPv4. */
  has(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#list.check(address, version === 4 ? "ipv4" : "ipv6");
  }
}

/** Private, loopback and link-local (RFC 1918, 4193, 3927, 4291): no address of the Internet. */
export const PRIVATE = new AddressList([
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "fc00::/7",
  "fe80::/10",
  "::1",
]);

/** Link-local and private, but never an engine: where clouds tell a machine its secrets. */
export const CLOUD_METADATA = new AddressList(["169.254.169.254", "fd00:ec2::254"]);

/** One spelling for a client's address: a dual-stack socket shows IPv4 clients as `::ffff:10.0.0.1`. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  return mapped !== undefined && isIP(mapped) === 4 ? mapped : address;
}
