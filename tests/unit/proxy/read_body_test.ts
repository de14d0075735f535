import { assert, assertEquals, assertRejects } from "@std/assert";
import { RouterError } from "../../../src/errors.ts";
import { Cutoff } from "../../../src/proxy/cutoff.ts";
import { HeldBytes, Hold } from "../../../src/admission/held_bytes.ts";
import { readBody } from "../../../src/proxy/read_body.ts";

interface Source {
  body: ReadableStream<Uint8Array>;
  pulled: () => number;
  cancelled: () => boolean;
}

/** A body in so many pieces of so many bytes, which counts what is taken of it. */
function source(pieces: number, size: number): Source {
  let pulled = 0;
  let cancelled = false;
  const body = new ReadableStream({
    type: "bytes",
    pull(controller): void {
      if (pulled < pieces) controller.enqueue(new Uint8Array(size).fill(++pulled));
      else {
        controller.close();
        controller.byobRequest?.respond(0);
      }
    },
    cancel(): void {
      cancelled = true;
    },
  });
  return { body, pulled: () => pulled, cancelled: () => cancelled };
}

function post(
  body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null,
  headers: Record<string, string> = {},
): Request {
  return new Request("http://x/", { method: "POST", body: body as BodyInit | null, headers });
}

function read(
  request: Request,
  maxBody: number,
  { cutoff = new Cutoff(), hold = new Hold(new HeldBytes(1 << 24)) } = {},
): Promise<Uint8Array> {
  const length = request.headers.get("content-length") ?? undefined;
  return readBody(request, { maxBody, cutoff, hold, length });
}

async function refusal(request: Request, maxBody: number): Promise<RouterError> {
  return await assertRejects(() => read(request, maxBody), RouterError);
}

Deno.test("a body of unknown length comes whole, up to the limit itself", async () => {
  const bytes = await read(post(source(3, 100).body), 300);
  assertEquals([bytes.length, bytes[0], bytes[100], bytes[299]], [300, 1, 2, 3]);
});

Deno.test("a body of unknown length is left, but not given up, as soon as it passes the limit", async () => {
  const { body, pulled, cancelled } = source(1000, 100);
  const error = await refusal(post(body), 299);
  assertEquals([error.code, error.status], ["body_too_large", 413]);
  assertEquals([pulled(), cancelled()], [3, false]);
});

Deno.test("a body whose declared length passes the limit is refused untouched", async () => {
  const { body, pulled } = source(1, 100);
  const error = await refusal(post(body, { "content-length": "301" }), 300);
  assertEquals([error.code, pulled()], ["body_too_large", 0]);
  assert(error.message.includes("301") && error.message.includes("300"), error.message);
});

Deno.test("a body whose declared length is the limit is read", async () => {
  const request = post(new Uint8Array(300), { "content-length": "300" });
  assertEquals((await read(request, 300)).length, 300);
});

Deno.test("a request without a body has an empty one", async () => {
  assertEquals((await read(post(null), 300)).length, 0);
});

for (const gone of [true, false]) {
  Deno.test(`a body that breaks off counts as a client that left, ${gone ? "as it has" : "though it may have not"}`, async () => {
    for (const headers of [{}, { "content-length": "100" }] as Record<string, string>[]) {
      const client = new AbortController();
      const body = new ReadableStream<Uint8Array>({
        pull(controller): void {
          if (gone) client.abort();
          controller.error(new Error("reset"));
        },
      }, { highWaterMark: 0 });
      const request = new Request("http://x/", {
        method: "POST",
        body,
        headers,
        signal: client.signal,
      });
      assertEquals((await refusal(request, 300)).code, "client_closed");
    }
  });
}

Deno.test("a repeated content-length, which Deno 2.9 hands over as a list, does not lift the limit", async () => {
  const request = new Request("http://x/", { method: "POST", body: "x".repeat(50) });
  request.headers.set("content-length", "50, 50");
  assertEquals((await refusal(request, 10)).code, "body_too_large");
});

for (
  const [cause, code] of [["request", "request_timeout"], ["client_left", "client_closed"]] as const
) {
  Deno.test(`a body that does not come is given up on the cutoff ${cause}, as ${code}`, async () => {
    for (const headers of [{}, { "content-length": "100" }] as Record<string, string>[]) {
      const body = new ReadableStream<Uint8Array>();
      const cutoff = new Cutoff();
      const reading = read(
        new Request("http://x/", { method: "POST", body, headers }),
        300,
        { cutoff },
      );
      cutoff.cut(cause);
      assertEquals((await assertRejects(() => reading, RouterError)).code, code);
    }
  });
}
