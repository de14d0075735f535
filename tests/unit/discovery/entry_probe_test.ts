import { assertEquals } from "@std/assert";
import {
  probeEntry,
  type ProbeEntryOptions,
  probeTarget,
} from "../../../src/discovery/entry_probe.ts";
import type { Told } from "../../../src/discovery/registration.ts";
import { newTold } from "./book_support.ts";

const BABYSITTER = { type: "InfiniLM" };

const TARGETS: readonly (readonly [told: Partial<Told>, target: string])[] = [
  [{ port: 8100 }, "10.9.9.9:8101/health"],
  [{ port: 65535, url: "http://10.0.0.5:65535" }, "10.9.9.9:65535/health"],
  [{ metadata: BABYSITTER, url: "http://10.0.0.5:8101" }, "10.9.9.9:8101/health"],
  [{ metadata: BABYSITTER, url: "http://10.0.0.5:8101/base/" }, "10.9.9.9:8101/base/health"],
  [{ metadata: BABYSITTER, url: "http://example.com/a b?q#f" }, "10.9.9.9:80/a%20b/health"],
  [{ metadata: BABYSITTER, port: 9000, url: "no url" }, "10.9.9.9:9000/health"],
  [{ metadata: BABYSITTER, port: 9000, url: "https://10.0.0.5" }, "10.9.9.9:9000/health"],
];

for (const [told, wanted] of TARGETS) {
  Deno.test(`a service that told ${JSON.stringify(told)} is asked at ${wanted}`, () => {
    const { host, port, path } = probeTarget({ told: newTold("a", told), address: "10.9.9.9" });
    assertEquals(`${host}:${port}${path}`, wanted);
  });
}

/** Asks a service whose babysitter is `answer`. */
async function ask(
  answer: (path: string) => Response | Promise<Response>,
  options: Partial<ProbeEntryOptions> = {},
): Promise<unknown> {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => answer(new URL(request.url).pathname),
  );
  const told = newTold("a", { port: server.addr.port - 1 });
  return await probeEntry({ told, address: "127.0.0.1" }, {
    timeoutMs: 5000,
    signal: new AbortController().signal,
    ...options,
  });
}

Deno.test("a service is healthy if it answers 2xx, whatever the body, and else unhealthy", async () => {
  const status = (status: number) => (): Response => new Response("x", { status });
  assertEquals(
    await ask((path) => new Response(null, { status: path === "/health" ? 204 : 404 })),
    "healthy",
  );
  assertEquals(await ask(status(200)), "healthy");
  assertEquals(await ask(status(503)), "unhealthy");
  assertEquals(
    await ask(() => new Response(null, { status: 302, headers: { location: "http://10.0.0.1/" } })),
    "unhealthy",
  );
});

Deno.test("a service that nobody finds, or that is silent, is unhealthy", async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  const asking = ask(() => promise, { timeoutMs: 50 });
  const late = await Promise.race([asking, new Promise((done) => setTimeout(done, 40, "waits"))]);
  assertEquals(late, "waits");
  setTimeout(() => resolve(new Response()), 50);
  assertEquals(await asking, "unhealthy");
  using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const options = { timeoutMs: 5000, signal: new AbortController().signal };
  const told = newTold("a", { port: port - 1 });
  assertEquals(await probeEntry({ told, address: "127.0.0.1" }, options), "unhealthy");
});

Deno.test("a probe that is stopped says nothing of the service", async () => {
  assertEquals(await ask(() => new Response(), { signal: AbortSignal.abort() }), undefined);
});
