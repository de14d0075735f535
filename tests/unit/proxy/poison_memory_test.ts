import { assertEquals, assertThrows } from "@std/assert";
import { ENDPOINTS } from "../../../src/engine/endpoints.ts";
import { RouterError } from "../../../src/errors.ts";
import { PoisonMemory } from "../../../src/proxy/poison_memory.ts";

const [CHAT, COMPLETIONS] = ENDPOINTS as unknown as [
  (typeof ENDPOINTS)[number],
  (typeof ENDPOINTS)[number],
];

type Request = Parameters<PoisonMemory["check"]>[0];

function request(text: string, endpoint = CHAT): Request {
  return { endpoint, body: new TextEncoder().encode(text) };
}

function isRefused(memory: PoisonMemory, one: Request): boolean {
  try {
    memory.check(one);
    return false;
  } catch (error) {
    if (error instanceof RouterError && error.code === "poisonous") return true;
    throw error;
  }
}

Deno.test("a request that two backends died of is refused, whoever sends it, for its time", () => {
  let at = 0;
  const memory = new PoisonMemory({ refusedMs: 600_000, now: () => at });
  assertEquals(isRefused(memory, request("bad")), false);
  memory.remember(request("bad"), ["a", "b"]);
  at = 60_000;
  const error = assertThrows(() => memory.check(request("bad")), RouterError);
  assertEquals([error.status, error.code, error.repeat], [422, "poisonous", false]);
  assertEquals(
    error.message,
    "backends a and b died while they held this very request; it is refused for another 540 s " +
      "(retry.poison_memory)",
  );
  at = 600_000;
  assertEquals(isRefused(memory, request("bad")), false);
});

Deno.test("a request that differs in a byte, or in its endpoint, is another", () => {
  const memory = new PoisonMemory({ refusedMs: 1000, now: () => 0 });
  memory.remember(request("bad"), ["a", "b"]);
  assertEquals(isRefused(memory, request("bad ")), false);
  assertEquals(isRefused(memory, request("bad", COMPLETIONS)), false);
});

Deno.test("the digest of a request is the same wherever it is made, and none is refused for no time", () => {
  const memory = new PoisonMemory({ refusedMs: 0, now: () => 0 });
  const digest = memory.remember(request("bad"), ["a", "b"]);
  assertEquals(digest, memory.remember(request("bad"), ["c", "d"]));
  assertEquals([digest.length, isRefused(memory, request("bad"))], [64, false]);
});

Deno.test("of more than 1024 requests the oldest are forgotten", () => {
  const memory = new PoisonMemory({ refusedMs: 1000, now: () => 0 });
  for (let i = 0; i < 1026; i++) memory.remember(request(`${i}`), ["a", "b"]);
  const refused = [0, 1, 2, 1025].map((i) => isRefused(memory, request(`${i}`)));
  assertEquals(refused, [false, false, true, true]);
});
