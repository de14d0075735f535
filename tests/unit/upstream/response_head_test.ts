import { assertEquals, assertThrows } from "@std/assert";
import {
  findHeadEnd,
  type Framing,
  MAX_HEAD_BYTES,
  parseResponseHead,
} from "../../../src/upstream/response_head.ts";
import { UpstreamError } from "../../../src/upstream/upstream_error.ts";
import { latin1Bytes } from "../../support/raw_peer.ts";
import { exchange, failure, FakeSocket } from "./support.ts";

const LENGTH_0 = "content-length: 0";

function head(...lines: string[]): Uint8Array {
  return latin1Bytes([...lines, "", ""].join("\r\n"));
}

Deno.test("a response head gives its status and its headers in order, in lower case, repeated ones kept", () => {
  const { status, headers } = parseResponseHead(
    head(
      "HTTP/1.1 207 Multi Status",
      "Set-Cookie: a=1",
      "SET-COOKIE:\t b=2 \t",
      "X: \xe4\xff",
      "e:",
    ),
    "GET",
  );
  assertEquals(status, 207);
  assertEquals(headers, [["set-cookie", "a=1"], ["set-cookie", "b=2"], ["x", "\xe4\xff"], [
    "e",
    "",
  ]]);
});

const FRAMINGS: [name: string, method: string, lines: string[], framing: Framing][] = [
  ["a content-length", "GET", ["HTTP/1.1 200 OK", "Content-Length: 5"], {
    kind: "length",
    bytes: 5,
  }],
  ["leading zeros in a length", "GET", ["HTTP/1.1 200", "content-length: 005"], {
    kind: "length",
    bytes: 5,
  }],
  ["the same length repeated", "GET", [
    "HTTP/1.1 200 OK",
    "content-length: 5, 5",
    "content-length: 5",
  ], { kind: "length", bytes: 5 }],
  ["chunked in any case", "GET", ["HTTP/1.1 200 OK", "Transfer-Encoding: CHUNKED"], {
    kind: "chunked",
  }],
  ["no length at all", "GET", ["HTTP/1.1 200 OK"], { kind: "until_close" }],
  ["an HTTP/1.0 answer", "GET", ["HTTP/1.0 200 OK", "content-length: 1"], {
    kind: "length",
    bytes: 1,
  }],
  ["HEAD with a length", "HEAD", ["HTTP/1.1 200 OK", "content-length: 5"], { kind: "none" }],
  ["HEAD with chunked", "HEAD", ["HTTP/1.1 200 OK", "transfer-encoding: chunked"], {
    kind: "none",
  }],
  ["204 with a length", "GET", ["HTTP/1.1 204 No Content", "content-length: 5"], { kind: "none" }],
  ["304 with a length", "GET", ["HTTP/1.1 304 Not Modified", "content-length: 5"], {
    kind: "none",
  }],
  ["1xx", "GET", ["HTTP/1.1 103 Early Hints"], { kind: "none" }],
];

for (const [name, method, lines, framing] of FRAMINGS) {
  Deno.test(`a response head with ${name} is framed as ${framing.kind}`, () => {
    assertEquals(parseResponseHead(head(...lines), method).framing, framing);
  });
}

const KEEP_ALIVE: [keep: boolean, lines: string[]][] = [
  [true, ["HTTP/1.1 200 OK", LENGTH_0]],
  [true, ["HTTP/1.0 200 OK", LENGTH_0, "connection: Keep-Alive"]],
  [true, ["HTTP/1.1 204 OK"]],
  [false, ["HTTP/1.0 200 OK", LENGTH_0]],
  [false, ["HTTP/1.1 200 OK", LENGTH_0, "Connection: Close"]],
  [false, ["HTTP/1.1 200 OK", LENGTH_0, "connection: x", "connection: y , close"]],
  [false, ["HTTP/1.0 200 OK", LENGTH_0, "connection: keep-alive, close"]],
  [false, ["HTTP/1.1 200 OK"]],
];

for (const [keep, lines] of KEEP_ALIVE) {
  Deno.test(`a connection is ${keep ? "" : "not "}kept after ${lines.join(" | ")}`, () => {
    assertEquals(parseResponseHead(head(...lines), "GET").keepAlive, keep);
  });
}

/** What two parsers could read in two ways, or no server of good will sends. */
const GARBAGE: [name: string, bytes: string][] = [
  ["HTTP/2", "HTTP/2 200 OK\r\n\r\n"],
  ["HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"],
  ["lower case http", "http/1.1 200 OK\r\n\r\n"],
  ["no status", "HTTP/1.1\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
  ["status 000", "HTTP/1.1 000 OK\r\n\r\n"],
  ["a negative status", "HTTP/1.1 -20 OK\r\n\r\n"],
  ["two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n"],
  ["a tab before the reason", "HTTP/1.1 200\tOK\r\n\r\n"],
  ["leading space", " HTTP/1.1 200 OK\r\n\r\n"],
  ["a blank line first", "\r\nHTTP/1.1 200 OK\r\n\r\n"],
  ["a blank line alone", "\r\n\r\n"],
  ["a CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n"],
  ["a NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n"],
  ["a request", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["a page without a head", "<!DOCTYPE html>\r\n<p>hello</p>\r\n\r\n"],
  ["an obs-fold", `HTTP/1.1 200 OK\r\nx: a\r\n b\r\n${LENGTH_0}\r\n\r\n`],
  [
    "an obs-fold that looks like a header",
    "HTTP/1.1 200 OK\r\nx: a\r\n\tcontent-length: 3\r\n\r\n",
  ],
  ["a fold before the first header", "HTTP/1.1 200 OK\r\n x: a\r\n\r\n"],
  ["a bare CR in a value", "HTTP/1.1 200 OK\r\nx: a\rcontent-length: 3\r\n\r\n"],
  ["a bare CR in a name", "HTTP/1.1 200 OK\r\nx\r: a\r\n\r\n"],
  ["two CR", "HTTP/1.1 200 OK\r\nx: a\r\r\n\r\n"],
  ["a bare LF after the status line", `HTTP/1.1 200 OK\n${LENGTH_0}\r\n\r\n`],
  ["a bare LF in a value", "HTTP/1.1 200 OK\r\nx: a\ncontent-length: 3\r\n\r\n"],
  ["a blank line of LF alone", `HTTP/1.1 200 OK\r\n${LENGTH_0}\r\n\n`],
  ["LF alone throughout", `HTTP/1.1 200 OK\n${LENGTH_0}\n\n`],
  ["LF first", "\nHTTP/1.1 200 OK\r\n\r\n"],
  ["a NUL in a value", "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n"],
  ["a NUL in a name", "HTTP/1.1 200 OK\r\nx\0: a\r\n\r\n"],
  ["DEL in a value", "HTTP/1.1 200 OK\r\nx: \x7f\r\n\r\n"],
  ["a space before the colon", "HTTP/1.1 200 OK\r\ncontent-length : 3\r\n\r\n"],
  ["a tab before the colon", "HTTP/1.1 200 OK\r\ncontent-length\t: 3\r\n\r\n"],
  ["no colon", "HTTP/1.1 200 OK\r\ncontent-length 3\r\n\r\n"],
  ["an empty name", "HTTP/1.1 200 OK\r\n: 3\r\n\r\n"],
  ["a name beyond ASCII", "HTTP/1.1 200 OK\r\nx\xe4: 3\r\n\r\n"],
  ["a name in parentheses", "HTTP/1.1 200 OK\r\n(x): 3\r\n\r\n"],
  ["conflicting lengths", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n"],
  ["conflicting lengths in one line", "HTTP/1.1 200 OK\r\ncontent-length: 3, 4\r\n\r\n"],
  ["a length that ends in a comma", "HTTP/1.1 200 OK\r\ncontent-length: 3,\r\n\r\n"],
  ["an empty length", "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n"],
  ["a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -3\r\n\r\n"],
  ["a signed length", "HTTP/1.1 200 OK\r\ncontent-length: +3\r\n\r\n"],
  ["a length in hex", "HTTP/1.1 200 OK\r\ncontent-length: 0x3\r\n\r\n"],
  ["a length with a fraction", "HTTP/1.1 200 OK\r\ncontent-length: 3.0\r\n\r\n"],
  ["a length with an exponent", "HTTP/1.1 200 OK\r\ncontent-length: 3e1\r\n\r\n"],
  ["a length in two words", "HTTP/1.1 200 OK\r\ncontent-length: 3 3\r\n\r\n"],
  ["a length beyond every number", `HTTP/1.1 200 OK\r\ncontent-length: ${"9".repeat(25)}\r\n\r\n`],
  ["length and chunked", `HTTP/1.1 200 OK\r\n${LENGTH_0}\r\ntransfer-encoding: chunked\r\n\r\n`],
  [
    "length and chunked in a 304",
    `HTTP/1.1 304 X\r\n${LENGTH_0}\r\ntransfer-encoding: chunked\r\n\r\n`,
  ],
  ["gzip, chunked", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n"],
  ["chunked, gzip", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, gzip\r\n\r\n"],
  [
    "chunked twice",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
  ],
  ["identity", "HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n"],
  ["xchunked", "HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\n"],
  ["a quoted chunked", 'HTTP/1.1 200 OK\r\ntransfer-encoding: "chunked"\r\n\r\n'],
  ["an empty transfer-encoding", "HTTP/1.1 200 OK\r\ntransfer-encoding:\r\n\r\n"],
  ["chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"],
  ["too many headers", `HTTP/1.1 200 OK\r\n${"x: 1\r\n".repeat(257)}\r\n`],
  ["a head that never ends", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(MAX_HEAD_BYTES)}`],
  ["101", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"],
  ["interim answers without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(100)],
];

for (const [name, bytes] of GARBAGE) {
  Deno.test(`an answer with ${name} is refused at once, whole or byte by byte`, async () => {
    const plans = bytes.length > 4000 ? [[bytes]] : [[bytes], [...bytes]];
    for (const plan of plans) {
      const socket = new FakeSocket(plan, { atEnd: "stall" });
      const { kind, phase, answered, delivered } = await failure(exchange(socket));
      assertEquals({ kind, phase, answered, delivered }, {
        kind: "bad_answer",
        phase: "head",
        answered: true,
        delivered: true,
      });
      assertEquals(socket.closed, true);
    }
  });
}

Deno.test("a head of the largest size and with the most header lines is accepted", async () => {
  const start = `HTTP/1.1 200 OK\r\n${LENGTH_0}\r\n`;
  const fill = "y".repeat(MAX_HEAD_BYTES - start.length - "x: \r\n\r\n".length);
  const large = `${start}x: ${fill}\r\n\r\n`;
  assertEquals(large.length, MAX_HEAD_BYTES);
  assertEquals((await exchange(new FakeSocket([large]))).headers.at(-1), ["x", fill]);
  const many = `${start}${"x: 1\r\n".repeat(255)}\r\n`;
  assertEquals((await exchange(new FakeSocket([many]))).headers.length, 256);
});

Deno.test("a head that begins behind another one and does not fit beside it is read whole", async () => {
  const value = Array.from({ length: 4000 }, (_, index) => String(index)).join(".");
  const bytes =
    `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n${LENGTH_0}\r\nx: ${value}\r\n\r\n`;
  const { headers } = await exchange(new FakeSocket([bytes], { atEnd: "stall" }));
  assertEquals(headers.at(-1), ["x", value]);
});

Deno.test("findHeadEnd finds the end from wherever an earlier call has stopped", () => {
  const bytes = latin1Bytes("junk HTTP/1.1 200 OK\r\nx: 1\r\n\r\nbody\r\n\r\n");
  const end = bytes.indexOf(98, 10); // the b of body
  for (let scanned = 5; scanned < end; scanned++) {
    assertEquals(findHeadEnd(bytes, { from: 5, to: bytes.length, scanned }), end);
    assertEquals(findHeadEnd(bytes, { from: 5, to: end - 1, scanned }), -1);
  }
});

Deno.test("an error about a head quotes no more than the beginning of it", () => {
  const error = assertThrows(
    () => parseResponseHead(head("x".repeat(5000)), "GET"),
    UpstreamError,
    "invalid status line",
  );
  assertEquals(error.message.length < 150, true);
});

Deno.test("a head says how long its server keeps the connection, if it has whole seconds in Keep-Alive", () => {
  const cases: [lines: string, ms: number | undefined][] = [
    ["", undefined],
    ["keep-alive: timeout=5\r\n", 5000],
    ["Keep-Alive: max=100, Timeout = 15\r\n", 15_000],
    ["keep-alive: timeout=5;max=1\r\n", 5000],
    ['keep-alive: timeout="5"\r\n', 5000],
    ["keep-alive: timeout=0\r\n", 0],
    ["keep-alive: 115\r\n", undefined],
    ["keep-alive: timeout=soon\r\n", undefined],
    ["keep-alive: notimeout=5\r\n", undefined],
  ];
  for (const [lines, ms] of cases) {
    const head = parseResponseHead(latin1Bytes(`HTTP/1.1 204 x\r\n${lines}\r\n`), "GET");
    assertEquals(head.keepAliveMs, ms, lines);
  }
});
