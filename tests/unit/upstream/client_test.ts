import { assert, assertEquals } from "@std/assert";
import { latin1, latin1Bytes, type PeerConnection, RawPeer } from "../../support/raw_peer.ts";
import { UpstreamClient, type UpstreamResponse } from "../../../src/upstream/client.ts";
import { stopOn } from "../../../src/upstream/stop.ts";
import { facts, failure, fakeConnect, FakeSocket, readAll, TestClient } from "./support.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n";
const SMALL = latin1Bytes('{"model":"m"}');

/** Larger than every buffer between two sockets of one machine. */
const HUGE_BYTES = 24 * 1024 * 1024;

async function answerAll(conn: PeerConnection, answer = OK): Promise<void> {
  while (await conn.readRequest()) await conn.write(answer);
}

function patterned(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 255);
}

// What the peer gets

Deno.test("a head and its small body arrive as one segment, byte for byte", async () => {
  await using peer = RawPeer.start((conn) => answerAll(conn));
  using client = new TestClient(peer);
  await client.text({
    method: "POST",
    target: "/v1/chat/completions?a=b",
    headers: [["x-latin", "\xe4\xf6"], ["accept-encoding", "identity"]],
    body: SMALL,
  });
  const [conn] = peer.connections;
  assertEquals(
    latin1(conn!.received),
    `POST /v1/chat/completions?a=b HTTP/1.1\r\nhost: 127.0.0.1:${peer.port}\r\n` +
      "x-latin: \xe4\xf6\r\naccept-encoding: identity\r\ncontent-length: 13\r\n\r\n" +
      '{"model":"m"}',
  );
  assertEquals(conn!.reads, [conn!.received.length]);
});

for (const size of [1, 64 * 1024, 64 * 1024 + 1, 5 * 1024 * 1024 + 3]) {
  Deno.test(`a body of ${size} bytes arrives unchanged`, async () => {
    await using peer = RawPeer.start((conn) => answerAll(conn));
    using client = new TestClient(peer);
    const body = patterned(size);
    assertEquals(await client.text({ method: "POST", body }), "ok");
    assertEquals(peer.requests.length, 1);
    assert(indexOfDifference(peer.requests[0]!.body, body) === -1, "the same bytes");
  });
}

function indexOfDifference(one: Uint8Array, other: Uint8Array): number {
  if (one.length !== other.length) return Math.min(one.length, other.length);
  return one.findIndex((byte, index) => byte !== other[index]);
}

Deno.test("an IPv6 host is in brackets in the host header, and port 80 is not named", async () => {
  for (const [host, port, header] of [["::1", 8080, "[::1]:8080"], ["box", 80, "box"]] as const) {
    const socket = new FakeSocket([OK]);
    using _ = fakeConnect(socket);
    using client = new HostClient(host, port);
    await client.text();
    assertEquals(latin1(socket.written[0]!), `GET / HTTP/1.1\r\nhost: ${header}\r\n\r\n`);
  }
});

class HostClient extends TestClient {
  constructor(host: string, port: number) {
    super({ port });
    this.#inner = new UpstreamClient({ host, port });
  }

  readonly #inner: UpstreamClient;

  override ask(): Promise<UpstreamResponse> {
    const { signal } = new AbortController();
    const request = { method: "GET", target: "/", headers: [] };
    return this.#inner.send(request, { connectTimeoutMs: 1000, stop: stopOn(signal) });
  }

  override [Symbol.dispose](): void {
    this.#inner.close();
  }
}

// Answers over a real socket

Deno.test("an answer that is sent byte by byte comes whole", async () => {
  await using peer = RawPeer.start(async (conn) => {
    await conn.readRequest();
    for (const byte of `${CHUNKED}0\r\n\r\n`) await conn.write(byte);
  });
  using client = new TestClient(peer);
  assertEquals(await client.text(), "ok");
});

Deno.test("each piece is given as soon as it is sent", async () => {
  const taken = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
  await using peer = RawPeer.start(async (conn) => {
    await conn.readRequest();
    await conn.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    for (const { promise } of taken) {
      await conn.write("1\r\nx\r\n");
      await promise; // the next one is not sent before this one has been taken
    }
    await conn.write("0\r\n\r\n");
  });
  using client = new TestClient(peer);
  const { body } = await client.ask();
  for (const { resolve } of taken) {
    assertEquals(latin1((await body.read())!), "x");
    resolve();
  }
  assertEquals(await body.read(), undefined);
});

Deno.test("nothing is read ahead of the consumer but what one buffer holds", async () => {
  let all = false;
  await using peer = RawPeer.start(async (conn) => {
    await conn.readRequest();
    await conn.write(`HTTP/1.1 200 OK\r\ncontent-length: ${HUGE_BYTES}\r\n\r\n`);
    all = await conn.write(new Uint8Array(HUGE_BYTES));
  });
  using client = new TestClient(peer);
  const { body } = await client.ask();
  let largest = 0;
  for (let index = 0; index < 10; index++) largest = Math.max(largest, (await body.read())!.length);
  assert(largest <= 16 * 1024, `a piece of ${largest} bytes`);
  assertEquals(all, false);
  body.cancel();
  await peer.connections[0]!.closedByPeer;
});

// Keep-alive

Deno.test("a connection is used again after every answer that allows it", async () => {
  const answers = [OK, `${CHUNKED}0\r\nt: x\r\n\r\n`, "HTTP/1.1 204 No Content\r\n\r\n", OK];
  await using peer = RawPeer.start(async (conn) => {
    for (const answer of answers) {
      await conn.readRequest();
      await conn.write(answer);
    }
  });
  using client = new TestClient(peer);
  for (const expected of ["ok", "ok", "", "ok"]) assertEquals(await client.text(), expected);
  assertEquals(peer.connections.length, 1);
  assertEquals(peer.requests.length, 4);
});

for (
  const [name, answer] of [
    ["connection: close", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nConnection: close\r\n\r\nok"],
    ["HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"],
    ["bytes behind its end", `${OK}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`],
  ] as const
) {
  Deno.test(`a connection is closed at once after an answer with ${name}`, async () => {
    await using peer = RawPeer.start(async (conn) => {
      await conn.readRequest();
      await conn.write(answer);
    });
    using client = new TestClient(peer);
    assertEquals(await client.text(), "ok");
    await peer.connections[0]!.closedByPeer;
    assertEquals(await client.text(), "ok");
    assertEquals(peer.connections.length, 2);
  });
}

Deno.test("a body that an answer to HEAD must not have is not taken for the next answer", async () => {
  await using peer = RawPeer.start(async (conn) => {
    await conn.readRequest();
    await conn.write(OK);
  });
  using client = new TestClient(peer);
  assertEquals(await client.text({ method: "HEAD" }), "");
  await peer.connections[0]!.closedByPeer;
  assertEquals(await client.text(), "ok");
});

Deno.test("a connection that the peer closes or talks on while it idles is dropped, and no request is lost", async () => {
  for (
    const spoil of [
      (conn: PeerConnection) => conn.end(),
      (conn: PeerConnection) => conn.write("HTTP/1.1 408 Request Timeout\r\n\r\n"),
    ]
  ) {
    await using peer = RawPeer.start((conn) => answerAll(conn));
    using client = new TestClient(peer);
    await client.text();
    const [first] = peer.connections;
    await spoil(first!);
    assertEquals(await first!.closedByPeer, "fin"); // the client has noticed and closed its side
    assertEquals(await client.text(), "ok");
    assertEquals(peer.connections.map(({ index }) => index), [0, 1]);
  }
});

Deno.test("a connection that idles beyond its limit is not used again", async () => {
  let now = 0;
  await using peer = RawPeer.start((conn) => answerAll(conn));
  using client = new TestClient(peer, { idleMs: 3000, now: () => now });
  await client.text();
  now += 2999;
  await client.text();
  assertEquals(peer.connections.length, 1);
  now += 3000;
  await client.text();
  assertEquals(peer.connections.length, 2);
  assertEquals(await peer.connections[0]!.closedByPeer, "fin");
});

Deno.test("calls at the same time have a connection each, and the last to end is used first", async () => {
  const gates = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
  await using peer = RawPeer.start(async (conn) => {
    await conn.readRequest();
    await gates[conn.index]!.promise;
    await conn.write(OK);
    await answerAll(conn);
  });
  using client = new TestClient(peer, { maxIdle: 2 });
  const calls: Promise<string>[] = [];
  for (let index = 0; index < 3; index++) {
    calls.push(client.text());
    await (await peer.connection(index)).receivedAtLeast(1);
  }
  for (const index of [2, 0, 1]) {
    gates[index]!.resolve();
    assertEquals(await calls[index], "ok");
  }
  assertEquals(await peer.connections[2]!.closedByPeer, "fin"); // the oldest of three, two are kept
  await client.text();
  assertEquals(peer.requests.map(({ connection }) => connection).at(-1), 1);
});

Deno.test("a client that was closed closes idle connections now and busy ones at their end", async () => {
  const gate = Promise.withResolvers<void>();
  await using peer = RawPeer.start(async (conn) => {
    await conn.readRequest();
    if (conn.index === 0) await gate.promise;
    await conn.write(OK);
  });
  const client = new TestClient(peer);
  const busy = client.text();
  await peer.received(1);
  await client.text();
  client.close();
  assertEquals(await peer.connections[1]!.closedByPeer, "fin");
  gate.resolve();
  assertEquals(await busy, "ok");
  assertEquals(await peer.connections[0]!.closedByPeer, "fin");
});

// Failures, and what they say

const BROKEN: [
  name: string,
  script: (conn: PeerConnection) => Promise<void>,
  expected: Record<string, unknown>,
][] = [
  [
    "FIN before any answer",
    async (conn) => {
      await conn.readRequest();
      conn.close();
    },
    { kind: "closed", phase: "head", delivered: true, answered: false },
  ],
  [
    "RST before any answer",
    async (conn) => {
      conn.hold();
      await conn.readRequest();
      await conn.reset();
    },
    { kind: "reset", phase: "head", delivered: true, answered: false },
  ],
  [
    "FIN in the head",
    async (conn) => {
      await conn.readRequest();
      await conn.write("HTTP/1.1 200 OK\r\nconte");
      conn.close();
    },
    { kind: "closed", phase: "head", delivered: true, answered: true },
  ],
  [
    "FIN after an interim answer",
    async (conn) => {
      await conn.readRequest();
      await conn.write("HTTP/1.1 100 Continue\r\n\r\n");
      conn.close();
    },
    { kind: "closed", phase: "head", delivered: true, answered: true },
  ],
  [
    "FIN in a body with a length",
    async (conn) => {
      await conn.readRequest();
      await conn.write("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok");
      conn.close();
    },
    { kind: "closed", phase: "body", delivered: true, answered: true },
  ],
  [
    "FIN between chunks",
    async (conn) => {
      await conn.readRequest();
      await conn.write(CHUNKED);
      conn.close();
    },
    { kind: "closed", phase: "body", delivered: true, answered: true },
  ],
  [
    "garbage",
    async (conn) => {
      await conn.readRequest();
      await conn.write("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    },
    { kind: "bad_answer", phase: "head", delivered: true, answered: true },
  ],
];

for (const [name, script, expected] of BROKEN) {
  Deno.test(`${name} is told as ${expected.kind} in the ${expected.phase}, and nothing is sent again`, async () => {
    await using peer = RawPeer.start(script);
    using client = new TestClient(peer);
    const error = await failure(client.text({ method: "POST", body: SMALL }));
    assertEquals(facts(error), { ...expected, reused: false });
    assertEquals([peer.connections.length, peer.requests.length], [1, 1]);
  });
}

Deno.test("RST after a head and some of the body is told as reset in the body", async () => {
  const answered = Promise.withResolvers<void>();
  await using peer = RawPeer.start(async (conn) => {
    conn.hold();
    await conn.readRequest();
    await conn.write(CHUNKED);
    await answered.promise;
    await conn.reset();
  });
  using client = new TestClient(peer);
  const { body } = await client.ask({ method: "POST", body: SMALL });
  assertEquals(latin1((await body.read())!), "ok");
  const next = failure(body.read());
  answered.resolve();
  assertEquals(facts(await next), {
    kind: "reset",
    phase: "body",
    delivered: true,
    answered: true,
    reused: false,
  });
});

Deno.test("a reused connection that dies before its answer says that it was reused, and the request came once", async () => {
  await using peer = RawPeer.start(async (conn) => {
    await conn.readRequest();
    await conn.write(OK);
    await conn.readRequest();
    conn.close();
  });
  using client = new TestClient(peer);
  await client.text({ method: "POST", body: SMALL });
  const error = await failure(client.text({ method: "POST", body: SMALL }));
  assertEquals(facts(error), {
    kind: "closed",
    phase: "head",
    delivered: true,
    answered: false,
    reused: true,
  });
  assertEquals([peer.connections.length, peer.requests.length], [1, 2]);
});

Deno.test("a request whose end was never sent is told as not delivered", async () => {
  await using peer = RawPeer.start(async (conn) => {
    conn.hold();
    await conn.readHead();
    conn.close(); // with most of the body unread: FIN, then RST
  });
  using client = new TestClient(peer);
  const error = await failure(client.text({ method: "POST", body: new Uint8Array(HUGE_BYTES) }));
  assertEquals([error.delivered, error.answered, error.phase], [false, false, "write"]);
  assert(error.kind === "reset" || error.kind === "closed", error.kind);
  assertEquals(peer.connections.length, 1);
});

Deno.test("an answer that comes while the body is still being sent is not lost", async () => {
  await using peer = RawPeer.start(async (conn) => {
    conn.hold();
    await conn.readHead();
    await conn.write("HTTP/1.1 413 Content Too Large\r\ncontent-length: 5\r\n\r\nlarge");
  });
  using client = new TestClient(peer);
  const { status, body } = await client.ask({ method: "POST", body: new Uint8Array(HUGE_BYTES) });
  assertEquals(status, 413);
  assertEquals(latin1(await readAll(body)), "large");
  peer.connections[0]!.release();
  await peer.connections[0]!.closedByPeer;
  assert(peer.connections[0]!.received.length < HUGE_BYTES, "the rest was not sent");
});

Deno.test("an answer is not lost if the write fails before the answer is read", async () => {
  const socket = new FakeSocket(["HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno"]);
  const failed = Promise.withResolvers<void>();
  const read = socket.read.bind(socket);
  socket.read = (into) => failed.promise.then(() => read(into));
  socket.write = () => {
    setTimeout(failed.resolve, 0);
    return Promise.reject(new Deno.errors.BrokenPipe("gone"));
  };
  using _ = fakeConnect(socket);
  using client = new TestClient({ port: 1 });
  const { status, body } = await client.ask({ method: "POST", body: SMALL });
  assertEquals([status, latin1(await readAll(body))], [413, "no"]);
  assertEquals(socket.closed, true);
});

Deno.test("an answer after which the peer closes with the body unread is not lost", async () => {
  await using peer = RawPeer.start(async (conn) => {
    conn.hold();
    await conn.readHead();
    await conn.write("HTTP/1.1 413 Content Too Large\r\ncontent-length: 5\r\n\r\nlarge");
    conn.close();
  });
  using client = new TestClient(peer);
  const { status, body } = await client.ask({ method: "POST", body: new Uint8Array(HUGE_BYTES) });
  assertEquals(status, 413);
  assertEquals(latin1(await readAll(body)), "large");
});

Deno.test("a connection is used again if an early answer's request was sent to its end after all", async () => {
  await using peer = RawPeer.start(async (conn) => {
    conn.hold();
    await conn.readHead();
    await conn.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
    conn.release();
    await conn.readRequest();
    await conn.write("early");
    await answerAll(conn);
  });
  using client = new TestClient(peer);
  assertEquals(await client.text({ method: "POST", body: new Uint8Array(HUGE_BYTES) }), "early");
  assertEquals(await client.text(), "ok");
  assertEquals(peer.connections.length, 1);
});

// Connecting

Deno.test("a port where nobody listens is told as refused, in the connect phase", async () => {
  const peer = RawPeer.start(() => {});
  await peer[Symbol.asyncDispose]();
  using client = new TestClient(peer);
  assertEquals(facts(await failure(client.text())), {
    kind: "refused",
    phase: "connect",
    delivered: false,
    answered: false,
    reused: false,
  });
});

/** A listener whose queue is full: another connection gets no answer until room is made. */
async function deafListener(): Promise<{ port: number } & AsyncDisposable> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const queued = [await Deno.connect({ port }), await Deno.connect({ port })];
  return {
    port,
    async [Symbol.asyncDispose](): Promise<void> {
      for (const conn of [...queued, await listener.accept(), await listener.accept()]) {
        conn.close();
      }
      const late = await listener.accept(); // the attempt that was given up: it came too late
      assertEquals(await late.read(new Uint8Array(1)), null);
      late.close();
      listener.close();
    },
  };
}

Deno.test("a connection that is not made in time is told as timeout, and closed unused if it comes later", async () => {
  await using listener = await deafListener();
  using client = new TestClient(listener);
  const error = await failure(client.ask({}, { connectTimeoutMs: 20 }));
  assertEquals(facts(error), {
    kind: "timeout",
    phase: "connect",
    delivered: false,
    answered: false,
    reused: false,
  });
});

// Aborting

Deno.test("an abort while connecting is told at once, and the connection is closed unused if it comes later", async () => {
  await using listener = await deafListener();
  using client = new TestClient(listener);
  const stop = new AbortController();
  const error = failure(client.ask({}, { signal: stop.signal }));
  stop.abort();
  const { kind, phase } = await error;
  assertEquals([kind, phase], ["aborted", "connect"]);
});

Deno.test("an abort before the call connects to nobody", async () => {
  await using peer = RawPeer.start(() => {});
  using client = new TestClient(peer);
  const { kind, phase } = await failure(client.ask({}, { signal: AbortSignal.abort() }));
  assertEquals([kind, phase], ["aborted", "connect"]);
  assertEquals(peer.connections.length, 0);
});

Deno.test("an abort in the very turn in which the connection comes sends nothing", async () => {
  const socket = new FakeSocket([OK]);
  const stop = new AbortController();
  socket.setNoDelay = () => stop.abort();
  using _ = fakeConnect(socket);
  using client = new TestClient({ port: 1 });
  const { kind } = await failure(client.ask({}, { signal: stop.signal }));
  assertEquals(kind, "aborted");
  assertEquals([socket.closed, socket.written.length], [true, 0]);
});

Deno.test("an abort while a large body is being sent ends the connection, and the rest is not sent", async () => {
  await using peer = RawPeer.start((conn) => conn.hold());
  using client = new TestClient(peer);
  const stop = new AbortController();
  const error = failure(
    client.ask({ method: "POST", body: new Uint8Array(HUGE_BYTES) }, { signal: stop.signal }),
  );
  const conn = await peer.connection(0);
  await conn.readHead();
  stop.abort();
  assertEquals(facts(await error), {
    kind: "aborted",
    phase: "write",
    delivered: false,
    answered: false,
    reused: false,
  });
  conn.release();
  await conn.closedByPeer;
  assert(conn.received.length < HUGE_BYTES, `${conn.received.length} bytes came`);
});

for (
  const [phase, answer] of [
    ["head", ""],
    ["head", "HTTP/1.1 200 O"],
    ["body", CHUNKED],
    ["body", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"],
    ["body", "HTTP/1.1 200 OK\r\n\r\nok"],
  ] as const
) {
  Deno.test(`an abort after ${JSON.stringify(answer)} closes the socket at once and fails the ${phase}`, async () => {
    await using peer = RawPeer.start(async (conn) => {
      await conn.readRequest();
      await conn.write(answer);
    });
    using client = new TestClient(peer);
    const stop = new AbortController();
    const asked = client.ask({ method: "POST", body: SMALL }, { signal: stop.signal });
    const broken = phase === "head" ? failure(asked) : asked.then(async ({ body }) => {
      assertEquals(latin1((await body.read())!), "ok");
      return await failure(body.read());
    });
    await peer.received(1);
    if (phase === "body") await asked;
    stop.abort();
    const error = await broken;
    assertEquals([error.kind, error.phase, error.delivered], ["aborted", phase, true]);
    await peer.connections[0]!.closedByPeer;
    assertEquals(peer.requests.length, 1);
  });
}

Deno.test("an abort after the answer has ended leaves the connection to others", async () => {
  await using peer = RawPeer.start((conn) => answerAll(conn));
  using client = new TestClient(peer);
  const stop = new AbortController();
  await readAll((await client.ask({}, { signal: stop.signal })).body);
  stop.abort();
  assertEquals(await client.text(), "ok");
  assertEquals(peer.connections.length, 1);
});

Deno.test("answers to calls at the same time are never mixed up", async () => {
  await using peer = RawPeer.start(async (conn) => {
    for (;;) {
      const request = await conn.readRequest();
      if (request === undefined) return;
      const size = request.target.length.toString(16);
      await conn.write(
        `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${size}\r\n${request.target}\r\n0\r\n\r\n`,
      );
    }
  });
  using client = new TestClient(peer);
  const workers = Array.from({ length: 8 }, async (_, worker) => {
    for (let turn = 0; turn < 100; turn++) {
      const target = `/${worker}/${"x".repeat(turn)}`;
      assertEquals(await client.text({ target }), target);
    }
  });
  await Promise.all(workers);
  assertEquals(peer.requests.length, 800);
  assert(peer.connections.length <= 8, `${peer.connections.length} connections`);
});
