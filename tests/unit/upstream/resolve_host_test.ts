import { assert, assertEquals } from "@std/assert";
import { resolveHost } from "../../../src/upstream/resolve_host.ts";

Deno.test("localhost is resolved to addresses of this machine, each of them once", async () => {
  const addresses = await resolveHost("localhost");
  assert(addresses.length > 0, "at least one");
  assertEquals(addresses.length, new Set(addresses).size);
  for (const address of addresses) assert(/^(127\.[0-9.]+|::1)$/.test(address), address);
});

Deno.test("a name that does not exist is not resolved", async () => {
  const reason = await resolveHost("no-such-name.invalid").then(() => undefined, (error) => error);
  assert(reason instanceof Error, "rejected");
});
