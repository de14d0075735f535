import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { readSmallBody } from "../../../src/api/small_body.ts";
import { RouterError } from "../../../src/errors.ts";

const LIMITS = { maxBytes: 10, timeoutMs: 1000 };

function post(body: BodyInit | null): Request {
  return new Request("http://x/", { method: "POST", body });
}

function streamed(...pieces: string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece)));
}

async function read(body: BodyInit | null, contentLength?: string): Promise<string> {
  const head = contentLength === undefined ? { passing: [] } : { passing: [], contentLength };
  return new TextDecoder().decode(await readSmallBody(post(body), { head, ...LIMITS }));
}

async function refusal(body: BodyInit | null, contentLength?: string): Promise<string> {
  return (await assertRejects(() => read(body, contentLength), RouterError)).code;
}

Deno.test("a short body is read whole, up to the bound", async () => {
  assertEquals(await read(null), "");
  assertEquals(await read("0123456789", "10"), "0123456789");
  assertEquals(await read(streamed("01234", "", "56789")), "0123456789");
});

Deno.test("a longer one is refused: by what it declares, or by what comes", async () => {
  assertEquals(await refusal("x", "11"), "body_too_large");
  assertEquals(await refusal(streamed("01234", "567890")), "body_too_large");
});

Deno.test("one that does not come in time, or that breaks off, is refused", async () => {
  const broken = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.error(new Error("reset")),
  });
  assertEquals(await refusal(broken), "client_closed");
  using time = new FakeTime();
  const late = refusal(new ReadableStream<Uint8Array<ArrayBuffer>>({}));
  await time.tickAsync(1000);
  assertEquals(await late, "request_timeout");
});
