import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AddressList,
  CLOUD_METADATA,
  plainAddress,
  PRIVATE,
} from "../../../src/discovery/address_list.ts";

const PRIVATE_ONES = [
  "10.0.0.1",
  "10.255.255.255",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "127.0.0.1",
  "127.8.8.8",
  "169.254.1.1",
  "::1",
  "fc00::1",
  "fd12:3456::1",
  "fe80::1",
  "::ffff:10.0.0.1",
  "::ffff:a00:1",
];

const OTHERS = [
  "9.255.255.255",
  "11.0.0.1",
  "172.15.255.255",
  "172.32.0.1",
  "192.167.255.255",
  "100.64.0.1",
  "0.0.0.0",
  "224.0.0.1",
  "255.255.255.255",
  "8.8.8.8",
  "::",
  "2001:db8::1",
  "fec0::1",
  "ff02::1",
  "::ffff:8.8.8.8",
  "64:ff9b::a00:1",
  // no addresses as they are written here
  "127.1",
  "0x7f000001",
  "010.0.0.1",
  "10.0.0.1 ",
  "[::1]",
  "localhost",
  "",
];

Deno.test("private, loopback and link-local addresses are private, and no others", () => {
  assertEquals(PRIVATE_ONES.filter((address) => !PRIVATE.has(address)), []);
  assertEquals(OTHERS.filter((address) => PRIVATE.has(address)), []);
});

Deno.test("where clouds keep a machine's secrets is told apart", () => {
  assert(CLOUD_METADATA.has("169.254.169.254") && CLOUD_METADATA.has("::ffff:169.254.169.254"));
  assert(!CLOUD_METADATA.has("169.254.169.253"));
});

Deno.test("a list holds networks and single addresses of both versions", () => {
  const list = new AddressList(["203.0.113.0/24", " 198.51.100.7", "2001:db8::/32"]);
  const held = ["203.0.113.9", "198.51.100.7", "2001:db8:1::1", "::ffff:203.0.113.9"];
  assertEquals(held.filter((address) => !list.has(address)), []);
  assertEquals(["203.0.114.1", "198.51.100.8", "2001:db9::1"].filter((one) => list.has(one)), []);
  assertEquals(new AddressList([]).has("127.0.0.1"), false);
});

Deno.test("what is no network is named", () => {
  for (
    const wrong of ["", "10.0.0.0/33", "::/129", "10.0.0/8", "host", "10.0.0.0/8/8", "1.2.3.4/-1"]
  ) {
    assertThrows(() => new AddressList(["10.0.0.0/8", wrong]), RangeError, JSON.stringify(wrong));
  }
});

Deno.test("an IPv4 client of a dual-stack socket has one spelling", () => {
  const cases = { "::ffff:10.0.0.1": "10.0.0.1", "10.0.0.1": "10.0.0.1", "fe80::1": "fe80::1" };
  for (const [seen, plain] of Object.entries(cases)) assertEquals(plainAddress(seen), plain);
});
