import { assertEquals } from "@std/assert";
import { HttpError } from "../../../src/sim/http_error.ts";
import { parseHead } from "../../../src/sim/http_head.ts";

function statusOf(head: string): number {
  try {
    parseHead(head);
    return 200;
  } catch (error) {
    return error instanceof HttpError ? error.status : 0;
  }
}

Deno.test("parseHead reads method, path, headers and the length of the body", () => {
  const head = "POST /v1/x?a=b HTTP/1.1\r\nHost: sim\r\nX-A:  1 \r\nx-a: 2\r\nContent-Length: 12";
  assertEquals(parseHead(head), {
    method: "POST",
    target: "/v1/x?a=b",
    version: "1.1",
    path: "/v1/x",
    headers: { host: "sim", "x-a": "1, 2", "content-length": "12" },
    bodyLength: 12,
    keepAlive: true,
  });
});

Deno.test("parseHead understands chunked bodies and connection: close", () => {
  const head = parseHead("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nconnection: close");
  assertEquals(head.bodyLength, "chunked");
  assertEquals(head.keepAlive, false);
});

Deno.test("parseHead refuses what a sane client does not send", () => {
  const malformed = [
    "",
    "hello",
    "GET / HTTP/1.0",
    "GET http://x/ HTTP/1.1",
    "GET / HTTP/1.1\r\n folded",
    "GET / HTTP/1.1\r\nno colon",
    "GET / HTTP/1.1\r\nspace : 1",
    "POST / HTTP/1.1\r\ncontent-length: -1",
    "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1",
    "POST / HTTP/1.1\r\ntransfer-encoding: gzip",
    "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 1",
  ];
  for (const head of malformed) assertEquals(statusOf(head), 400, head);
  assertEquals(statusOf("POST / HTTP/1.1\r\ncontent-length: 67108865"), 413);
});
