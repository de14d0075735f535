import { assertEquals } from "@std/assert";
import { ResponseBody } from "../../../src/upstream/body.ts";
import { Connection } from "../../../src/upstream/connection.ts";
import type { Framing } from "../../../src/upstream/response_head.ts";
import type { UpstreamError } from "../../../src/upstream/upstream_error.ts";
import { latin1 } from "../../support/raw_peer.ts";
import { exchange, failure, FakeSocket, readAll, splits } from "./support.ts";

interface Ended {
  body: ResponseBody;
  ends: (UpstreamError | undefined)[];
}

function bodyOf(socket: FakeSocket, framing: Framing): Ended {
  const ends: (UpstreamError | undefined)[] = [];
  const body = new ResponseBody(new Connection(socket.conn), {
    framing,
    onEnd: (error) => ends.push(error),
  });
  return { body, ends };
}

const ANSWERS: [
  name: string,
  method: string,
  bytes: string,
  atEnd: "fin" | "stall",
  body: string,
][] = [
  [
    "a length",
    "GET",
    "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nx: y\r\n\r\nhello\r\nworld",
    "stall",
    "hello\r\nworld",
  ],
  [
    "chunks, an extension and trailers",
    "GET",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n \r\n00a\r\nworld\r\n\r\n!\r\n0\r\nt: u\r\n\r\n",
    "stall",
    "hello world\r\n\r\n!",
  ],
  [
    "no length, until the end",
    "GET",
    "HTTP/1.1 200 OK\r\n\r\nhello\r\n\r\n\xff",
    "fin",
    "hello\r\n\r\n\xff",
  ],
  ["HTTP/1.0, until the end", "GET", "HTTP/1.0 200 OK\r\n\r\nhello", "fin", "hello"],
  ["a length of 0", "GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "stall", ""],
  [
    "no chunk but the last",
    "GET",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "stall",
    "",
  ],
  ["HEAD", "HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n", "stall", ""],
  ["204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "stall", ""],
  [
    "304 with a length",
    "GET",
    "HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n",
    "stall",
    "",
  ],
  [
    "interim answers before it",
    "GET",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "stall",
    "ok",
  ],
];

for (const [name, method, bytes, atEnd, body] of ANSWERS) {
  Deno.test(`an answer with ${name} is read the same however it is split`, async () => {
    for (const plan of splits(bytes)) {
      const answer = await exchange(new FakeSocket(plan, { atEnd }), method);
      assertEquals(latin1(answer.bytes), body, JSON.stringify(plan));
      assertEquals(answer.body.done, true);
    }
  });
}

for (const [name, method, bytes] of ANSWERS.filter(([, , , atEnd]) => atEnd === "stall")) {
  for (const cut of ["fin", "reset"] as const) {
    Deno.test(`an answer with ${name} that is cut by ${cut} at any byte is never a quiet end`, async () => {
      const headEnd = bytes.lastIndexOf("\r\n\r\n", bytes.indexOf("HTTP/1.1 2") + 80) + 4;
      for (let length = 0; length < bytes.length; length++) {
        const socket = new FakeSocket([bytes.slice(0, length)], { atEnd: cut });
        const error = await failure(exchange(socket, method));
        assertEquals(error.kind, cut === "fin" ? "closed" : "reset");
        assertEquals(error.answered, length > 0);
        assertEquals(error.delivered, true);
        if (length === 0) assertEquals(error.phase, "head");
        if (length === bytes.length - 1 && headEnd < length) assertEquals(error.phase, "body");
        assertEquals(socket.closed, true);
      }
    });
  }
}

Deno.test("a body until the end that is reset is an error, not an end", async () => {
  const socket = new FakeSocket(["HTTP/1.1 200 OK\r\n\r\nhello"], { atEnd: "reset" });
  const { kind, phase } = await failure(exchange(socket));
  assertEquals([kind, phase], ["reset", "body"]);
});

Deno.test("a body of one read is one piece, with everything that came in it", async () => {
  const socket = new FakeSocket(["3\r\none\r\n3\r\ntwo\r\n5\r\nth", "ree\r\n0\r\n\r\n"]);
  const { body } = bodyOf(socket, { kind: "chunked" });
  assertEquals(latin1((await body.read())!), "onetwoth");
  assertEquals(latin1((await body.read())!), "ree");
  assertEquals(body.done, true);
  assertEquals(await body.read(), undefined);
});

Deno.test("a piece stays as it was when the next one is read", async () => {
  const { body } = bodyOf(new FakeSocket(["aaaa", "bbbb"]), { kind: "length", bytes: 8 });
  const first = await body.read();
  await body.read();
  assertEquals(latin1(first!), "aaaa");
});

Deno.test("a body is done as soon as its last byte has been taken, without another read", async () => {
  const socket = new FakeSocket(["ab"], { atEnd: "stall" });
  const { body, ends } = bodyOf(socket, { kind: "length", bytes: 2 });
  await body.read();
  assertEquals([body.done, ends], [true, [undefined]]);
});

Deno.test("a body tells its end once, also if it is read on or given up afterwards", async () => {
  const { body, ends } = bodyOf(new FakeSocket(["ab"]), { kind: "length", bytes: 2 });
  await readAll(body);
  assertEquals(await body.read(), undefined);
  body.cancel();
  assertEquals(ends, [undefined]);
});

Deno.test("a body that was given up closes its socket at once and gives nothing more, not even what had come", async () => {
  const socket = new FakeSocket(["1\r\na\r\n1\r\nb\r\n", "0\r\n\r\n"], { atEnd: "stall" });
  const connection = new Connection(socket.conn);
  await connection.fill();
  const ends: (UpstreamError | undefined)[] = [];
  const body = new ResponseBody(connection, {
    framing: { kind: "chunked" },
    onEnd: (error) => ends.push(error),
  });
  body.cancel();
  body.cancel();
  assertEquals(socket.closed, true);
  const { kind, phase } = await failure(body.read());
  assertEquals([kind, phase], ["aborted", "body"]);
  assertEquals(ends.map((error) => error?.kind), ["aborted"]);
});

Deno.test("a body that failed fails in the same way again", async () => {
  for (
    const [pieces, framing] of [
      [["2\r\nab\r\nzz\r\nmore"], { kind: "chunked" }],
      [["ab"], { kind: "length", bytes: 3 }],
    ] as [string[], Framing][]
  ) {
    const { body, ends } = bodyOf(new FakeSocket(pieces), framing);
    const first = await failure(readAll(body));
    assertEquals(await failure(body.read()), first);
    assertEquals(await failure(body.read()), first);
    assertEquals(ends.length, 1);
  }
});

Deno.test("a bad chunk after good ones is an error of the body, and nothing of it is passed on", async () => {
  for (const bad of ["0x1\r\na", "1\r\nab\r\n", "-1\r\n", "1\na\r\n"]) {
    const socket = new FakeSocket([
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ngood\r\n",
      bad,
    ], { atEnd: "stall" });
    const { kind, phase, answered, delivered } = await failure(exchange(socket));
    assertEquals([kind, phase, answered, delivered], ["bad_answer", "body", true, true]);
    assertEquals(socket.closed, true);
  }
});

Deno.test("what came before a bad chunk in the same read is given first", async () => {
  const socket = new FakeSocket(["4\r\ngood\r\n3\r\n +1\r\nxyz\r\n"], { atEnd: "stall" });
  const { body, ends } = bodyOf(socket, { kind: "chunked" });
  assertEquals(latin1((await body.read())!), "good +1");
  assertEquals([body.failed, body.done, ends.length], [true, false, 0]);
  for (let again = 0; again < 2; again++) {
    assertEquals((await failure(body.read())).kind, "bad_answer");
  }
  assertEquals([ends.length, socket.closed], [1, true]);
});

Deno.test("a body larger than the read buffer comes whole", async () => {
  const bytes = Uint8Array.from({ length: 200_001 }, (_, index) => (index * 31) & 255);
  const { body } = bodyOf(new FakeSocket([bytes]), { kind: "length", bytes: bytes.length });
  assertEquals(await readAll(body), bytes);
});
