import { assertEquals } from "@std/assert";
import { AcceptLoop } from "../../../src/door/accept_loop.ts";
import { Burst } from "../../../src/door/burst.ts";
import { Connections } from "../../../src/door/connections.ts";
import type { Log } from "../../../src/observe/log.ts";
import { SharedTimer } from "../../../src/proxy/shared_timer.ts";
import { until } from "../../support/until.ts";

/** A listener that gives what the test says, and is then silent. */
function fakeListener(results: (Error | Deno.TcpConn)[]): Deno.TcpListener {
  let close: (error: Error) => void = () => {};
  return {
    addr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    accept: () => {
      const next = results.shift();
      if (next instanceof Error) return Promise.reject(next);
      if (next !== undefined) return Promise.resolve(next);
      return new Promise((_, reject) => close = reject);
    },
    close: () => close(new Deno.errors.BadResource("closed")),
  } as unknown as Deno.TcpListener;
}

interface FakeSocket {
  closed: number;
  end: () => void;
}

/** A socket, and its end as HTTP would see it. */
function fakeSocket({ broken = false } = {}): FakeSocket & Deno.TcpConn {
  const socket = {
    closed: 0,
    remoteAddr: { hostname: "10.0.0.9" },
    setNoDelay(): void {
      if (broken) throw new Error("EINVAL");
    },
    close: () => void socket.closed++,
    end: () => {},
  };
  return socket as unknown as FakeSocket & Deno.TcpConn;
}

interface Bench {
  loop: AcceptLoop;
  connections: Connections;
  lines: string[];
}

function bench(results: (Error | Deno.TcpConn)[], connections = new Connections()): Bench {
  const lines: string[] = [];
  const write = (message: string): void => void lines.push(message);
  const timer = (): SharedTimer => new SharedTimer(60_000, Date.now);
  const { listen } = Deno;
  Deno.listen = (() => fakeListener(results)) as unknown as typeof Deno.listen;
  try {
    const loop = new AcceptLoop({ host: "127.0.0.1", port: 0 }, {
      serve: (socket) => ({
        finished: new Promise<void>((resolve) => (socket as unknown as FakeSocket).end = resolve),
        shutdown: () => Promise.resolve((socket as unknown as FakeSocket).end()),
      }),
      handler: () => new Response(),
      onDefect: () => new Response(),
      headTimer: timer(),
      keepAliveTimer: timer(),
      lastBytesTimer: timer(),
      maxConnections: 2,
      maxTurnedAway: 64,
      connections,
      turnedAway: new Burst({ quietMs: 1000, now: Date.now }),
      outOfDescriptors: new Burst({ quietMs: 1000, now: Date.now }),
      log: { debug: write, error: write, warn: write } as unknown as Log,
    });
    return { loop, connections, lines };
  } finally {
    Deno.listen = listen;
  }
}

for (const kind of ["NotConnected", "ConnectionAborted", "ConnectionReset"] as const) {
  Deno.test(`AcceptLoop takes the next connection after one that was gone before it was accepted: ${kind}`, async () => {
    const gone = Array.from({ length: 5 }, () => new Deno.errors[kind]("gone"));
    const { loop, connections, lines } = bench([...gone, fakeSocket()]);
    await until("the next is taken", () => connections.count === 1);
    assertEquals(lines, []);
    await loop.stop();
  });
}

Deno.test("AcceptLoop waits for file descriptors, and says so once", async () => {
  const none = Array.from({ length: 3 }, () => new Error("Too many open files (os error 24)"));
  const { loop, connections, lines } = bench([...none, fakeSocket()]);
  await until("it has taken a connection again", () => connections.count === 1);
  assertEquals(lines, ["accepting connections failed, trying again"]);
  await loop.stop();
});

Deno.test("AcceptLoop that can accept no more tells why", async () => {
  const { loop } = bench([new Deno.errors.BadResource("listener gone")]);
  assertEquals(String(await loop.failed), "BadResource: listener gone");
});

Deno.test("AcceptLoop closes a connection that breaks as it is taken", async () => {
  const broken = fakeSocket({ broken: true });
  const { loop, connections } = bench([broken]);
  await until("it is closed", () => broken.closed === 1);
  assertEquals(connections.count, 0);
  await loop.stop();
});

Deno.test("AcceptLoop that stops waits for the connections of loops before it, too", async () => {
  const first = bench([fakeSocket(), new Deno.errors.BadResource("lost")]);
  await first.loop.failed;
  assertEquals(first.connections.count, 1);
  const second = bench([], first.connections);
  await second.loop.stop();
  assertEquals(first.connections.count, 0);
});
