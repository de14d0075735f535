import { assert, assertEquals, assertRejects } from "@std/assert";
import { AddressList } from "../../../src/discovery/address_list.ts";
import { BookError } from "../../../src/discovery/book_error.ts";
import { mayBeAsked, registrable } from "../../../src/discovery/registrable.ts";

const NAMES: Readonly<Record<string, readonly string[]>> = {
  "engine.lan": ["fd00::5", "10.0.0.5"],
  "six.lan": ["fd00::6"],
  "mixed.example": ["10.0.0.5", "8.8.8.8"],
  "mapped.lan": ["::ffff:10.0.0.7"],
  "partner.example": ["203.0.113.5"],
  "empty.lan": [],
};

async function resolve(host: string): Promise<readonly string[]> {
  const addresses = NAMES[host];
  if (addresses === undefined) throw new Error("not found");
  return addresses;
}

const allow = new AddressList(["203.0.113.0/24"]);

const TAKEN: Readonly<Record<string, string>> = {
  "10.0.0.5": "10.0.0.5",
  "127.0.0.1": "127.0.0.1",
  "::1": "::1",
  "203.0.113.9": "203.0.113.9",
  localhost: "localhost",
  LocalHost: "localhost",
  "engine.lan": "10.0.0.5",
  "six.lan": "fd00::6",
  "mapped.lan": "10.0.0.7",
  "partner.example": "203.0.113.5",
};

for (const [host, address] of Object.entries(TAKEN)) {
  Deno.test(`${host} may be registered, and is asked at ${address}`, async () => {
    assertEquals(await registrable(host, { allow, resolve }), address);
  });
}

for (
  const host of [
    "8.8.8.8",
    "0.0.0.0",
    "169.254.169.254",
    "2001:db8::1",
    "mixed.example",
    "empty.lan",
    "unknown.lan",
    "127.1",
  ]
) {
  Deno.test(`${host} may not be registered, and the error says so`, async () => {
    const error = await assertRejects(() => registrable(host, { allow, resolve }), BookError);
    assertEquals([error.code, error.message.includes(host)], ["address", true]);
  });
}

Deno.test("a cloud's own address may be asked where the operator allows it, not because it is link-local", () => {
  assert(!mayBeAsked("169.254.169.254", allow) && mayBeAsked("169.254.1.1", allow));
  assert(mayBeAsked("169.254.169.254", new AddressList(["169.254.169.254"])));
});
