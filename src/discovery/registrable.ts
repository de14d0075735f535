import { isIP } from "node:net";
import type { Resolve } from "../upstream/resolve_host.ts";
import { type AddressList, CLOUD_METADATA, plainAddress, PRIVATE } from "./address_list.ts";
import { BookError } from "./book_error.ts";

export interface RegistrableOptions {
  /** What may be registered beside private addresses. */
  allow: AddressList;
  resolve: Resolve;
}

/**
 * The address at which a host that somebody registers will be asked. A registry that takes any would send
 * prompts, and this machine's requests, wherever a stranger on the network likes: so private addresses only,
 * and what the operator allows. A name is looked up here, once, and the address that was judged is the one
 * that is used from then on: else its owner could have it lead elsewhere afterwards. Babysitters register at
 * each start, which looks again. `localhost` stays a name: it leads nowhere else (RFC 6761), and engines
 * listen on either of its addresses.
 * Throws `BookError` (`address`).
 */
export async function registrable(
  host: string,
  { allow, resolve }: RegistrableOptions,
): Promise<string> {
  if (isLocalhost(host)) return "localhost";
  const literal = isIP(host) !== 0;
  const addresses = literal ? [host] : await addressesOf(host, resolve);
  const stranger = addresses.find((address) => !mayBeAsked(address, allow));
  if (stranger !== undefined) {
    const shown = literal ? host : `${host} (${stranger})`;
    throw new BookError(
      "address",
      `only private addresses, and those that the operator allows, may be registered, received ${shown}`,
    );
  }
  // InfiniLM listens on 0.0.0.0 unless told otherwise, which is IPv4 alone.
  return addresses.find((address) => isIP(address) === 4) ?? addresses[0]!;
}

/** Whether an address that was judged before may still be used. */
export function mayBeAsked(address: string, allow: AddressList): boolean {
  if (isLocalhost(address) || allow.has(address)) return true;
  return PRIVATE.has(address) && !CLOUD_METADATA.has(address);
}

function isLocalhost(host: string): boolean {
  return host.toLowerCase() === "localhost";
}

async function addressesOf(host: string, resolve: Resolve): Promise<string[]> {
  let found: readonly string[] = [];
  try {
    found = await resolve(host);
  } catch {
    // the same as none
  }
  if (found.length === 0) throw new BookError("address", `no address of host ${host} is known`);
  return found.map(plainAddress);
}
