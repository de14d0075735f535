import { assertEquals } from "@std/assert";
import { RawClient } from "../support/raw_client.ts";
import { until } from "../support/until.ts";
import { within } from "../support/within.ts";

/**
 * What this router relies on in Deno's server. A Deno that fails one of these must not be pinned,
 * or the code that relies on it has to change first (docs/decisions/0001-deno-and-packages.md).
 */

async function withServer(
  handler: (request: Request) => Response | Promise<Response>,
  test: (port: number, server: Deno.HttpServer<Deno.NetAddr>) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  await test(server.addr.port, server);
  await within(server.shutdown(), "the server has shut down");
}

for (const pieces of [1, 2]) {
  Deno.test(`Deno notices a client that leaves before the answer, its request sent in ${pieces} piece(s)`, async () => {
    let left = 0;
    let bodies = 0;
    const gone = Promise.withResolvers<Response>();
    const handler = async (request: Request): Promise<Response> => {
      request.signal.addEventListener("abort", () => {
        left++;
        gone.resolve(new Response());
      });
      await request.bytes();
      bodies++;
      return await gone.promise;
    };
    await withServer(handler, async (port) => {
      using client = await RawClient.connect(port);
      const head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n";
      await client.write(pieces === 1 ? `${head}{}` : head);
      if (pieces === 2) {
        await new Promise((resolve) => setTimeout(resolve, 20)); // else one read may take both
        await client.write("{}");
      }
      await until("the body has been read", () => bodies === 1);
      client.close();
      await until("the client's leaving is noticed", () => left === 1);
    });
  });
}

Deno.test("Deno keeps a request body readable while it shuts down", async () => {
  const reading = Promise.withResolvers<void>();
  const handler = async (request: Request): Promise<Response> => {
    reading.resolve();
    return new Response(await request.text());
  };
  await withServer(handler, async (port, server) => {
    using client = await RawClient.connect(port);
    await client.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab");
    await within(reading.promise, "the handler has the request");
    const stopped = server.shutdown();
    await client.write("cd");
    assertEquals((await client.answer()).body, "abcd");
    await within(stopped, "the server has shut down");
  });
});

Deno.test("Deno lets the Host header change the path of request.url, which is why nothing here trusts it", async () => {
  const seen: string[] = [];
  const handler = (request: Request): Response => {
    seen.push(new URL(request.url).pathname);
    return new Response();
  };
  await withServer(handler, async (port) => {
    using client = await RawClient.connect(port);
    await client.write("GET /v1/models HTTP/1.1\r\nhost: x/admin/drain?\r\n\r\n");
    await client.answer();
    assertEquals(seen, ["/admin/drain"]);
  });
});

Deno.test("Deno sends what was written a turn before a stream is broken off, and then cuts", async () => {
  const handler = (): Response => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    (async () => {
      const writer = writable.getWriter();
      await writer.write(new TextEncoder().encode("last words"));
      await new Promise((resolve) => setTimeout(resolve, 0));
      await writer.abort(new Error("broken"));
    })();
    return new Response(readable);
  };
  await withServer(handler, async (port) => {
    using client = await RawClient.connect(port);
    await client.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    const { body, complete } = await client.answer();
    assertEquals([body, complete], ["last words", false]);
  });
});

Deno.test("Deno reports a client that leaves in mid-stream by cancelling the stream", async () => {
  let cancelled = 0;
  const handler = (): Response =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array([65])),
        cancel: () => void cancelled++,
      }),
    );
  await withServer(handler, async (port) => {
    using client = await RawClient.connect(port);
    await client.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    await client.until("A");
    client.close();
    await until("the stream is cancelled", () => cancelled === 1);
  });
});
