/** `deno bench tests/bench`: what the heads of one exchange cost without sockets. */
import { encodeRequest } from "../../src/upstream/request_head.ts";
import { findHeadEnd, type Header, parseResponseHead } from "../../src/upstream/response_head.ts";
import { encodeCall } from "./wire.ts";

const encoder = new TextEncoder();

const UVICORN = encoder.encode(
  "HTTP/1.1 200 OK\r\ndate: Sun, 22 Nov 2026 12:00:00 GMT\r\nserver: uvicorn\r\n" +
    "content-length: 312\r\ncontent-type: application/json\r\n\r\n",
);
const LONG = encoder.encode(
  "HTTP/1.1 200 OK\r\ncontent-length: 312\r\ncontent-type: application/json\r\n" +
    Array.from({ length: 30 }, (_, i) => `x-header-${i}: ${"value ".repeat(8)}\r\n`).join("") +
    "\r\n",
);
const REQUEST_HEADERS: readonly Header[] = [
  ["accept", "application/json"],
  ["content-type", "application/json"],
  ["authorization", "Bearer sk-bench"],
  ["user-agent", "bench/1.0"],
  ["accept-encoding", "identity"],
  ["x-forwarded-for", "127.0.0.1"],
  ["x-request-id", "1f0c1f9e-6f62-4a6a-8f52-0f5d7a3c6c11"],
];
const { body } = encodeCall();

for (const [name, head] of [["uvicorn's 4 headers", UVICORN], ["32 headers", LONG]] as const) {
  Deno.bench({ name, group: "find and parse an answer's head" }, () => {
    const end = findHeadEnd(head, { from: 0, to: head.length, scanned: 0 });
    parseResponseHead(head.subarray(0, end), "POST");
  });
}

Deno.bench({ name: "7 headers, small body", group: "encode a request" }, () => {
  encodeRequest(
    { method: "POST", target: "/v1/chat/completions", headers: REQUEST_HEADERS, body },
    "127.0.0.1:8100",
  );
});
