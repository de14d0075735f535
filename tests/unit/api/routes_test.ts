import { assertEquals } from "@std/assert";
import { createRoutes } from "../../../src/api/routes.ts";
import { SignalPeer } from "../../../src/door/signal_peer.ts";
import type { RequestRecord } from "../../../src/observe/request_record.ts";
import { HeldBytes } from "../../../src/admission/held_bytes.ts";
import type { House } from "../../../src/proxy/house.ts";
import { OpenCalls } from "../../../src/admission/open_calls.ts";
import type { Handler } from "../../../src/proxy/peer.ts";
import { SharedTimer } from "../../../src/proxy/shared_timer.ts";
import { Registry } from "../../../src/registry/registry.ts";

interface Told extends Disposable {
  house: House;
  records: RequestRecord[];
}

/** A house without backends. */
function newHouse(): Told {
  const records: RequestRecord[] = [];
  const requestTimer = new SharedTimer(60_000, Date.now);
  const house = {
    config: {
      timeouts: { idleMs: 1000, totalMs: null, clientStallMs: 1000 },
      limits: { maxBody: 1000 },
      requests: { validate: true, unknownPaths: "refuse" },
      cors: { origins: [] },
      errors: { format: "text" },
    },
    registry: new Registry(),
    sinks: [(record: RequestRecord) => void records.push(record)],
    requestTimer,
    openCalls: new OpenCalls(10),
    heldBytes: new HeldBytes(1 << 20),
    now: Date.now,
  } as unknown as House;
  return { house, records, [Symbol.dispose]: () => requestTimer.stop() };
}

function routesOf(house: () => House): Handler {
  const createRequestId = (): string => "made";
  return createRoutes({
    house,
    draining: () => false,
    sources: () => [],
    wallNow: Date.now,
    createRequestId,
  });
}

async function ask(handler: Handler, path: string, init: RequestInit = {}): Promise<Response> {
  const request = new Request(`http://router${path}`, { ...init, headers: { host: "router" } });
  return await handler(request, new SignalPeer("10.0.0.9", request.signal));
}

Deno.test("every request has one record, pages and refusals too", async () => {
  using one = newHouse();
  const handler = routesOf(() => one.house);
  const body = "{";
  await ask(handler, "/livez");
  await ask(handler, "/nowhere");
  await ask(handler, "/livez", { method: "POST" });
  await ask(handler, "/v1/chat/completions", { method: "POST", body });
  assertEquals(
    one.records.map(({ requestId, path, routed, status, code }) => [
      requestId,
      path,
      routed,
      status,
      code,
    ]),
    [
      ["made", "/livez", false, 200, undefined],
      ["made", "/nowhere", false, 404, "not_found"],
      ["made", "/livez", false, 405, "method_not_allowed"],
      ["made", "/v1/chat/completions", true, 400, "invalid_json"],
    ],
  );
});

Deno.test("a request keeps the house that it entered, the next one enters another", async () => {
  using before = newHouse();
  using after = newHouse();
  let current = before;
  const handler = routesOf(() => current.house);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const asked = ask(handler, "/v1/chat/completions", {
    method: "POST",
    body: readable as ReadableStream<Uint8Array<ArrayBuffer>>,
  });
  current = after;
  await ask(handler, "/livez");
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode("{"));
  await writer.close();
  assertEquals((await asked).status, 400);
  assertEquals(before.records.map(({ path }) => path), ["/v1/chat/completions"]);
  assertEquals(after.records.map(({ path }) => path), ["/livez"]);
});

Deno.test("a path that ends where a model's id should begin is no path", async () => {
  using one = newHouse();
  const handler = routesOf(() => one.house);
  for (const path of ["/models/", "/v1/models/", "/v1/livez/"]) {
    const answer = await ask(handler, path);
    assertEquals([answer.status, (await answer.json()).error], [404, `no such path: ${path}`]);
  }
});
