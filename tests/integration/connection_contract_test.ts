import { assert, assertEquals } from "@std/assert";
import {
  findServeHttpOnConnection,
  type HttpOnConnection,
} from "../../src/door/http_on_connection.ts";
import { RawClient } from "../support/raw_client.ts";
import { until } from "../support/until.ts";
import { within } from "../support/within.ts";

/**
 * What `src/door/` relies on in the internal function that serves HTTP on one accepted connection.
 * A Deno that lacks it is served by `Deno.serve`; one that has it and fails a test here must not be
 * pinned.
 */
const serve = findServeHttpOnConnection()!;

interface Served {
  http: HttpOnConnection;
  abort: () => void;
  finished: string | undefined;
}

async function withConnection(
  handler: (request: Request) => Response | Promise<Response>,
  test: (client: RawClient, served: Served) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await RawClient.connect(listener.addr.port);
  const socket = await listener.accept();
  socket.setNoDelay(true);
  let abort = (): void => {};
  const http = serve(
    socket,
    { addEventListener: (_type, listener) => abort = listener },
    handler,
    () => new Response("defect", { status: 500 }),
    () => {},
  );
  const served: Served = { http, abort: () => abort(), finished: undefined };
  http.finished.then(() => served.finished = "well", () => served.finished = "badly");
  await test(client, served);
  client.close();
  await until("the connection has ended", () => served.finished !== undefined);
}

const GET = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

Deno.test("this Deno has a function that serves HTTP on an accepted connection", () => {
  assert(serve !== undefined);
});

Deno.test("a served connection is kept, and its requests are answered in turn", () =>
  withConnection(async (request) => new Response(await request.text()), async (client) => {
    for (const body of ["one", "two", "three"]) {
      await client.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n`);
      await client.write(body);
      assertEquals((await client.answer()).body, body);
    }
  }));

Deno.test("a handler that throws is told, and answered for", () =>
  withConnection(() => {
    throw new Error("oops");
  }, async (client) => {
    await client.write(GET);
    assertEquals((await client.answer()).body, "defect");
  }));

for (const pieces of [1, 2]) {
  Deno.test(`a served connection ends when its client leaves before the answer, its request sent in ${pieces} piece(s)`, () => {
    const gone = Promise.withResolvers<Response>();
    let bodies = 0;
    const handler = async (request: Request): Promise<Response> => {
      await request.bytes();
      bodies++;
      return await gone.promise;
    };
    return withConnection(handler, async (client, served) => {
      const head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n";
      await client.write(pieces === 1 ? `${head}{}` : head);
      if (pieces === 2) {
        await new Promise((resolve) => setTimeout(resolve, 20)); // else one read may take both
        await client.write("{}");
      }
      await until("the body has been read", () => bodies === 1);
      client.close();
      await until("the connection has ended", () => served.finished !== undefined);
      gone.resolve(new Response());
    });
  });
}

Deno.test("a served connection that is aborted closes its socket under a client that reads nothing", () => {
  let cancelled = 0;
  const handler = (): Response =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
        cancel: () => void cancelled++,
      }),
    );
  return withConnection(handler, async (client, served) => {
    await client.write(GET);
    await client.until("200 OK");
    served.abort();
    await until("it has ended", () => served.finished !== undefined && cancelled === 1);
    await client.rest();
  });
});

Deno.test("a served connection can be aborted while it waits for a request, a half one, too", async () => {
  for (const bytes of ["", "GET / HT"]) {
    await withConnection(() => new Response(), async (client, served) => {
      await client.write(bytes);
      served.abort();
      assertEquals(await client.rest(), "");
    });
  }
});

Deno.test("to abort a connection that has ended throws where it was called, and nowhere else", () =>
  withConnection(() => new Response(), async (client, served) => {
    client.close();
    await until("it has ended", () => served.finished !== undefined);
    try {
      served.abort();
    } catch (error) {
      assert(error instanceof Deno.errors.BadResource, String(error));
    }
  }));

Deno.test("a served connection that is shut down lets a running answer end, and then closes", () => {
  const answer = Promise.withResolvers<Response>();
  return withConnection(() => answer.promise, async (client, { http }) => {
    await client.write(GET);
    await new Promise((resolve) => setTimeout(resolve, 20)); // it has arrived
    const down = http.shutdown();
    answer.resolve(new Response("last"));
    assertEquals((await client.answer()).body, "last");
    assertEquals(await client.rest(), "");
    await within(down, "the shutdown is over");
  });
});

Deno.test("what is still to come of a body can be read after its answer has begun, until that ends", () => {
  let dropped = 0;
  const handler = (request: Request): Response =>
    new Response(
      new ReadableStream<Uint8Array<ArrayBuffer>>({
        async start(controller): Promise<void> {
          controller.enqueue(new TextEncoder().encode("refused"));
          for await (const piece of request.body!) dropped += piece.length;
          controller.close();
        },
      }),
      { headers: { connection: "close" } },
    );
  return withConnection(handler, async (client) => {
    await client.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3000000\r\n\r\n");
    await client.until("refused");
    await client.write(new Uint8Array(3_000_000));
    await client.rest();
    assertEquals([client.end, dropped], ["fin", 3_000_000]);
  });
});
