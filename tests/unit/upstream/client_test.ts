import { assert, assertEquals, assertRejects } from "@std/assert";
import { closeOnNextWrite } from "../../support/close_on_write.ts";
import { until } from "../../support/until.ts";
import { latin1, latin1Bytes, type PeerConnection, RawPeer } from "../../support/raw_peer.ts";
import { UpstreamClient, type UpstreamResponse } from "../../../src/upstream/client.ts";
import { encodeRequest, giveBack } from "../../../src/upstream/request_head.ts";
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

Deno.test("a connection is not used again once its server may have closed it, as it said in Keep-Alive", async () => {
  let now = 0;
  await using peer = RawPeer.start((conn) =>
    answerAll(conn, "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2\r\ncontent-length: 2\r\n\r\nok")
  );
  using client = new TestClient(peer, { idleMs: 3000, now: () => now });
  await client.text();
  now += 1499;
  await client.text();
  assertEquals(peer.connections.length, 1);
  now += 1500;
  await client.text();
  assertEquals(peer.connections.length, 2);
});

Deno.test("a request may have a connection of its own, which others use after it", async () => {
  await using peer = RawPeer.start((conn) => answerAll(conn));
  using client = new TestClient(peer);
  await client.text();
  await readAll((await client.ask({}, { fresh: true })).body);
  assertEquals(peer.requests.map(({ connection }) => connection), [0, 1]);
  await client.text();
  assertEquals(peer.requests.map(({ connection }) => connection), [0, 1, 1]);
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

/** A socket that gives one answer; what happens when a second request is written is the test's to say. */
class KeptSocket extends FakeSocket {
  /** What comes of the read that begins when the first answer has ended. */
  readonly secondRead = Promise.withResolvers<number | null>();
  secondWrite: () => void = () => {};
  /** Whether the peer's kernel has reset what was written after its end. */
  unread = false;
  #reads = 0;

  constructor() {
    super([OK]);
    this.secondRead.promise.catch(() => {});
  }

  override read(into: Uint8Array): Promise<number | null> {
    return this.#reads++ === 0 ? super.read(into) : this.secondRead.promise;
  }

  override async write(bytes: Uint8Array): Promise<number> {
    if (this.written.length === 1) this.secondWrite();
    else if (this.written.length > 1 && this.unread) throw new BrokenPipe("Broken pipe");
    return await super.write(bytes);
  }
}

const { BrokenPipe, ConnectionReset } = Deno.errors;
const hostGone = new Error("No route to host (os error 113)");

const STALE: [
  name: string,
  end: (socket: KeptSocket, stop: AbortController) => void,
  expected: { kind: string; phase: string; stale: boolean },
][] = [
  [
    "the peer's end, which came before the request",
    (socket) => {
      socket.unread = true;
      socket.secondRead.resolve(null);
    },
    { kind: "closed", phase: "head", stale: true },
  ],
  [
    "the peer's end, which came after it",
    ({ secondRead }) => secondRead.resolve(null),
    { kind: "closed", phase: "head", stale: false },
  ],
  [
    "a reset, which may have come after it",
    ({ secondRead }) => secondRead.reject(new ConnectionReset("reset")),
    { kind: "reset", phase: "head", stale: false },
  ],
  [
    "a broken pipe",
    ({ secondRead }) => {
      secondRead.resolve(null);
      throw new BrokenPipe("Broken pipe (os error 32)");
    },
    { kind: "reset", phase: "write", stale: true },
  ],
  [
    "a reset while the request is written",
    ({ secondRead }) => {
      const error = new ConnectionReset("Connection reset by peer (os error 104)");
      secondRead.reject(error);
      throw error;
    },
    { kind: "reset", phase: "write", stale: true },
  ],
  [
    "a host that cannot be reached any more",
    ({ secondRead }) => secondRead.reject(hostGone),
    { kind: "reset", phase: "head", stale: false },
  ],
  [
    "want of memory",
    ({ secondRead }) => secondRead.reject(new Error("Cannot allocate memory (os error 12)")),
    { kind: "local", phase: "head", stale: false },
  ],
  [
    "our own stop",
    ({ secondRead }, stop) => {
      stop.abort();
      secondRead.reject(new Deno.errors.BadResource("closed"));
    },
    { kind: "aborted", phase: "head", stale: false },
  ],
];

for (const [name, end, expected] of STALE) {
  Deno.test(`a kept connection ended by ${name} before its answer is ${expected.stale ? "" : "not "}told as stale`, async () => {
    const socket = new KeptSocket();
    using _ = fakeConnect(socket);
    using client = new TestClient({ port: 1 });
    await client.text();
    const stop = new AbortController();
    socket.secondWrite = () => end(socket, stop);
    const error = await failure(client.ask({ body: SMALL }, { signal: stop.signal }));
    const { kind, phase, reused, answered, stale } = error;
    assertEquals({ kind, phase, stale }, expected);
    assertEquals([reused, answered, socket.closed], [true, false, true]);
  });
}

for (const ending of ["close", "reset"] as const) {
  Deno.test(`a kept connection that a real peer ends by ${ending} when it has the request is not told as stale`, async () => {
    await using peer = RawPeer.start(async (conn) => {
      if (ending === "reset") conn.hold();
      await conn.readRequest();
      await conn.write(OK);
      await conn.readRequest();
      await conn[ending]();
    });
    using client = new TestClient(peer);
    await client.text({ method: "POST", body: SMALL });
    const error = await failure(client.text({ method: "POST", body: SMALL }));
    assertEquals([error.reused, error.delivered, error.stale], [true, true, false]);
  });
}

Deno.test("a kept connection that a real peer closes before it has the request is told as stale, and as nothing delivered", async () => {
  await using peer = RawPeer.start(async (conn) => {
    await conn.readRequest();
    await conn.write(OK);
  });
  using client = new TestClient(peer);
  await client.text();
  closeOnNextWrite(() => peer.connections[0]!);
  const error = await failure(client.text({ method: "POST", body: SMALL }));
  assertEquals([error.kind, error.delivered, error.stale], ["closed", false, true]);
});

Deno.test("neither a new connection nor one on which an answer has begun is told as stale", async () => {
  await using peer = RawPeer.start(async (conn) => {
    await conn.readRequest();
    if (conn.index === 0) return conn.close();
    await conn.write(OK);
    await conn.readRequest();
    await conn.write("HTTP/1.1 200 OK\r\nconte");
    conn.close();
  });
  using client = new TestClient(peer);
  const first = await failure(client.text());
  assertEquals([first.reused, first.answered, first.stale], [false, false, false]);
  await client.text();
  const second = await failure(client.text());
  assertEquals([second.reused, second.answered, second.stale], [true, true, false]);
});

Deno.test("the age at which a request met the peer's close bounds how long connections are kept", async () => {
  let now = 0;
  const met = new KeptSocket();
  const [young, old] = [new KeptSocket(), new KeptSocket()];
  using _ = fakeConnect(met, young, old);
  using client = new TestClient({ port: 1 }, { idleMs: 3000, now: () => now });
  await client.text();
  now += 2000;
  met.unread = true;
  met.secondWrite = () => met.secondRead.resolve(null);
  assertEquals((await failure(client.text())).stale, true);
  await client.text();
  now += 1600; // 80 % of that
  await client.text();
  assertEquals([young.closed, old.closed], [true, false]);
});

Deno.test("a request that cannot be written throws a TypeError and leaves the kept connection as it is", async () => {
  await using peer = RawPeer.start((conn) => answerAll(conn));
  using client = new TestClient(peer);
  const wrong = { target: "/ two" };
  await assertRejects(() => client.ask(wrong), TypeError);
  assertEquals(peer.connections.length, 0);
  await client.text();
  await assertRejects(() => client.ask(wrong), TypeError);
  assertEquals(await client.text(), "ok");
  assertEquals([peer.connections.length, peer.requests.length], [1, 2]);
});

Deno.test("the buffer that is lent to a request is free for others however the request goes", async () => {
  const request = { method: "GET", target: "/", headers: [] };
  /** What the next request is lent, taken and given back. */
  const lent = (): ArrayBufferLike => {
    const { first } = encodeRequest(request, "h");
    giveBack(first);
    return first.buffer;
  };
  const before = lent();
  const failing = new FakeSocket([]);
  failing.write = () => Promise.reject(new Deno.errors.BrokenPipe("gone"));
  const stop = new AbortController();
  const stopped = new FakeSocket([OK]);
  stopped.setNoDelay = () => stop.abort();
  using _ = fakeConnect(failing, stopped, new FakeSocket([OK]));
  using client = new TestClient({ port: 1 });
  const goes: (() => Promise<unknown>)[] = [
    () => failure(client.text()), // the write fails
    () => failure(client.ask({}, { signal: stop.signal })),
    () => client.text(),
    () => failure(client.ask({}, { fresh: true })), // no connection
    () => client.ask({ target: "/ two" }).catch(() => {}),
  ];
  for (const go of goes) {
    await go();
    assertEquals(lent() === before, true, String(go));
    const [one, other] = [encodeRequest(request, "h"), encodeRequest(request, "h")];
    assertEquals(one.first.buffer === other.first.buffer, false, "it is not given back twice");
    giveBack(other.first);
    giveBack(one.first);
  }
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

/** A listener whose queue is full: another connection gets no answer. */
async function deafListener(): Promise<{ port: number } & Disposable> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const queued = [await Deno.connect({ port }), await Deno.connect({ port })];
  return {
    port,
    [Symbol.dispose](): void {
      for (const each of [...queued, listener]) each.close();
    },
  };
}

Deno.test("a connection that is not made in time is told as timeout", async () => {
  using listener = await deafListener();
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

Deno.test("a name is connected to at whichever of its addresses somebody listens", async () => {
  await using peer = RawPeer.start((conn) => answerAll(conn));
  const resolve = (): Promise<string[]> => Promise.resolve(["127.0.0.2", "127.0.0.1"]);
  const client = new UpstreamClient({ host: "engine", port: peer.port, resolve });
  const { body } = await client.send({ method: "GET", target: "/", headers: [] }, {
    connectTimeoutMs: 10_000,
    stop: stopOn(new AbortController().signal),
  });
  assertEquals(latin1(await readAll(body)), "ok");
  client.close();
  assertEquals(peer.requests[0]!.headers[0], ["host", `engine:${peer.port}`]);
});

// Aborting

Deno.test("an abort while connecting is told at once", async () => {
  using listener = await deafListener();
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

/** A socket whose peer takes nothing and says nothing; closing it ends its read, not its write. */
class DeafSocket extends FakeSocket {
  readonly #closed = Promise.withResolvers<never>();
  readonly asked: Uint8Array[] = [];

  constructor() {
    super([]);
    this.#closed.promise.catch(() => {});
  }

  override read(): Promise<number | null> {
    return this.#closed.promise;
  }

  override write(bytes: Uint8Array): Promise<number> {
    this.asked.push(bytes);
    return new Promise(() => {});
  }

  override close(): void {
    super.close();
    this.#closed.reject(new Deno.errors.Interrupted("closed"));
  }
}

for (const size of [33_000, 120_000, 400_000]) {
  Deno.test(`a request of ${size} bytes that its peer does not take ends when it is stopped`, async () => {
    const socket = new DeafSocket();
    using _ = fakeConnect(socket);
    using client = new TestClient({ port: 1 });
    const stop = new AbortController();
    const asked = client.ask({ method: "POST", body: new Uint8Array(size) }, {
      signal: stop.signal,
    });
    const failed = failure(asked);
    await until("it is being written", () => socket.asked.length > 0);
    stop.abort();
    assertEquals(facts(await failed).kind, "aborted");
    assertEquals(socket.closed, true);
  });
}

Deno.test("a body that is large is never what waits in the kernel's hands", async () => {
  const body = new Uint8Array(400_000);
  const sockets = [new FakeSocket([OK])];
  const asked: ArrayBufferLike[] = [];
  const { write } = sockets[0]!;
  sockets[0]!.write = function (bytes): Promise<number> {
    asked.push(bytes.buffer);
    return write.call(this, bytes);
  };
  using _ = fakeConnect(...sockets);
  using client = new TestClient({ port: 1 });
  await client.text({ method: "POST", body });
  assertEquals(asked.length > 1 && asked.every((buffer) => buffer !== body.buffer), true);
  const sent = sockets[0]!.written.reduce((size, piece) => size + piece.length, 0);
  assert(sent > 400_000);
});
