import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Connector } from "../../../src/upstream/connector.ts";
import type { Resolve } from "../../../src/upstream/resolve_host.ts";
import { stopOn } from "../../../src/upstream/stop.ts";
import type { UpstreamError } from "../../../src/upstream/upstream_error.ts";
import { until } from "../../support/until.ts";
import { failure, FakeSocket } from "./support.ts";

const { AddrNotAvailable, ConnectionRefused, TimedOut } = Deno.errors;

/** One call of `Deno.connect`, answered by the test. */
interface Attempt {
  readonly hostname: string;
  readonly signal: AbortSignal;
  readonly socket: FakeSocket;
  connects(): void;
  fails(error: Error): void;
}

/** While it lives, `Deno.connect` does what the test says. */
class FakeNetwork implements Disposable {
  readonly attempts: Attempt[] = [];
  readonly #real = Deno.connect;

  constructor() {
    const connect = (
      { hostname, signal }: { hostname: string; signal: AbortSignal },
    ): Promise<Deno.TcpConn> => {
      const { promise, resolve, reject } = Promise.withResolvers<Deno.TcpConn>();
      const socket = new FakeSocket([], { atEnd: "stall" });
      const connects = (): void => resolve(socket.conn);
      this.attempts.push({ hostname, signal, socket, connects, fails: reject });
      return promise;
    };
    Object.assign(Deno, { connect });
  }

  /** To whom connections were begun, in order. */
  get tried(): string[] {
    return this.attempts.map(({ hostname }) => hostname);
  }

  [Symbol.dispose](): void {
    Object.assign(Deno, { connect: this.#real });
  }
}

const never = stopOn(new AbortController().signal);

function named(...addresses: string[]): Connector {
  return new Connector({ host: "engine", port: 1, resolve: () => Promise.resolve(addresses) });
}

function connect(
  connector: Connector,
  { connectTimeoutMs = 10_000, stop = never } = {},
): Promise<Deno.TcpConn> {
  const connecting = connector.connect({ connectTimeoutMs, stop });
  connecting.catch(() => {}); // the test looks at it later
  return connecting;
}

function told({ kind, phase, message }: UpstreamError): unknown[] {
  return [kind, phase, message];
}

// Several addresses

Deno.test("the next address is tried as soon as one fails", async () => {
  using time = new FakeTime(0);
  using network = new FakeNetwork();
  const connecting = connect(named("::1", "127.0.0.1"));
  await time.runMicrotasks();
  assertEquals(network.tried, ["::1"]);
  network.attempts[0]!.fails(new ConnectionRefused("refused"));
  await time.runMicrotasks();
  assertEquals(network.tried, ["::1", "127.0.0.1"]);
  network.attempts[1]!.connects();
  assertEquals(await connecting, network.attempts[1]!.socket.conn);
});

Deno.test("the next address is tried beside a silent one after a quarter of a second, and the loser is cancelled", async () => {
  using time = new FakeTime(0);
  using network = new FakeNetwork();
  const connecting = connect(named("fd00::1", "10.0.0.1", "10.0.0.2"));
  await time.tickAsync(249);
  assertEquals(network.tried, ["fd00::1"]);
  await time.tickAsync(1);
  assertEquals(network.tried, ["fd00::1", "10.0.0.1"]);
  const [first, second] = network.attempts;
  second!.connects();
  assertEquals(await connecting, second!.socket.conn);
  assertEquals([first!.signal.aborted, second!.socket.closed], [false, false], "it may still come");
  await time.tickAsync(250);
  assertEquals([first!.signal.aborted, second!.socket.closed], [true, false]);
  await time.tickAsync(60_000);
  assertEquals(network.attempts.length, 2);
});

Deno.test("a silent address wins if it answers before the next one does", async () => {
  using time = new FakeTime(0);
  using network = new FakeNetwork();
  const connecting = connect(named("fd00::1", "10.0.0.1"));
  await time.tickAsync(250);
  network.attempts[0]!.connects();
  assertEquals(await connecting, network.attempts[0]!.socket.conn);
});

Deno.test("of two connections that come about in one turn the second is closed", async () => {
  using time = new FakeTime(0);
  using network = new FakeNetwork();
  const connecting = connect(named("fd00::1", "10.0.0.1"));
  await time.tickAsync(250);
  const [first, second] = network.attempts;
  second!.connects();
  first!.connects();
  assertEquals(await connecting, second!.socket.conn);
  assertEquals([first!.socket.closed, second!.socket.closed], [true, false]);
});

Deno.test("every address is tried within a short time-out", async () => {
  using time = new FakeTime(0);
  using network = new FakeNetwork();
  const connecting = connect(named("10.0.0.1", "10.0.0.2", "10.0.0.3"), { connectTimeoutMs: 300 });
  await time.tickAsync(299);
  assertEquals(network.tried, ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
  await time.tickAsync(1);
  assertEquals(told(await failure(connecting)), [
    "timeout",
    "connect",
    "no connection within 300 ms (3 addresses of engine tried)",
  ]);
  await time.tickAsync(250);
  assertEquals(network.attempts.every(({ signal }) => signal.aborted), true);
});

Deno.test("an address that took a connection when one before it did not is tried first from then on", async () => {
  using time = new FakeTime(0);
  using network = new FakeNetwork();
  const connector = named("::1", "127.0.0.1");
  const first = connect(connector);
  await time.runMicrotasks();
  network.attempts[0]!.fails(new ConnectionRefused("refused"));
  await time.runMicrotasks();
  network.attempts[1]!.connects();
  await first;
  const second = connect(connector);
  await time.runMicrotasks();
  network.attempts[2]!.fails(new ConnectionRefused("refused"));
  await time.runMicrotasks();
  network.attempts[3]!.connects();
  await second;
  assertEquals(network.tried, ["::1", "127.0.0.1", "127.0.0.1", "::1"]);
});

Deno.test("a stop ends every attempt at once", async () => {
  using time = new FakeTime(0);
  using network = new FakeNetwork();
  const stop = new AbortController();
  const connecting = connect(named("fd00::1", "10.0.0.1"), { stop: stopOn(stop.signal) });
  await time.tickAsync(250);
  stop.abort();
  assertEquals(told(await failure(connecting)), ["aborted", "connect", "aborted"]);
  network.attempts[1]!.connects(); // its end had not come yet
  await time.runMicrotasks();
  assertEquals(network.attempts[1]!.socket.closed, true);
  await time.tickAsync(250);
  assertEquals(network.attempts.map(({ signal }) => signal.aborted), [true, true]);
});

// What is told if none takes a connection

const refused = new ConnectionRefused("Connection refused (os error 111)");
const noRoute = new Error("No route to host (os error 113)");
const timedOut = new TimedOut("Connection timed out (os error 110)");
const notAvailable = new AddrNotAvailable("Cannot assign requested address (os error 99)");
const noDescriptor = new Error("Too many open files (os error 24)");
const both = " (2 addresses of engine tried)";

const FAILURES: [
  name: string,
  failures: Record<string, Error>,
  kind: string,
  message: string,
][] = [
  ["one address", { "10.0.0.1": refused }, "refused", refused.message],
  [
    "no route, then a refusal",
    { "fd00::1": noRoute, "10.0.0.1": refused },
    "refused",
    refused.message + both,
  ],
  [
    "a refusal, then no route",
    { "10.0.0.1": refused, "10.0.0.2": noRoute },
    "refused",
    refused.message + both,
  ],
  [
    "no route, then the kernel's time-out",
    { "10.0.0.1": noRoute, "10.0.0.2": timedOut },
    "timeout",
    timedOut.message + both,
  ],
  [
    "a refusal, then no free port",
    { "::1": refused, "127.0.0.1": notAvailable },
    "local",
    notAvailable.message + both,
  ],
  [
    "no descriptor, then a refusal",
    { "10.0.0.1": noDescriptor, "10.0.0.2": refused },
    "local",
    noDescriptor.message + both,
  ],
  [
    "no IPv6 on this machine, then a refusal",
    { "::1": notAvailable, "127.0.0.1": refused },
    "refused",
    refused.message + both,
  ],
  [
    "no free port towards an IPv6 address alone",
    { "::1": notAvailable },
    "local",
    notAvailable.message,
  ],
];

for (const [name, failures, kind, message] of FAILURES) {
  Deno.test(`${name}: ${kind} is told`, async () => {
    using time = new FakeTime(0);
    using network = new FakeNetwork();
    const connecting = connect(named(...Object.keys(failures)));
    for (const error of Object.values(failures)) {
      await time.runMicrotasks();
      network.attempts.at(-1)!.fails(error);
    }
    assertEquals(told(await failure(connecting)), [kind, "connect", message]);
  });
}

Deno.test("a name without any address is told as unreachable", async () => {
  using _ = new FakeNetwork();
  assertEquals(told(await failure(connect(named()))), [
    "unreachable",
    "connect",
    "engine has no address",
  ]);
});

// Names

Deno.test("an address is connected to without being resolved", async () => {
  for (const host of ["127.0.0.1", "::1"]) {
    using network = new FakeNetwork();
    const resolve: Resolve = () => Promise.reject(new Error("asked for an address"));
    const connecting = connect(new Connector({ host, port: 1, resolve }));
    assertEquals(network.tried, [host]); // in the same turn
    network.attempts[0]!.connects();
    await connecting;
  }
});

Deno.test("a name that cannot be resolved is connected to by name, which says why it cannot", async () => {
  for (
    const [error, kind] of [
      [new Error("failed to lookup address information: Name not known"), "unreachable"],
      [noDescriptor, "local"],
    ] as const
  ) {
    using time = new FakeTime(0);
    using network = new FakeNetwork();
    const resolve: Resolve = () => Promise.reject(new Error("getaddrinfo ENOTFOUND engine"));
    const connecting = connect(new Connector({ host: "engine", port: 1, resolve }));
    await time.runMicrotasks();
    assertEquals(network.tried, ["engine"]);
    network.attempts[0]!.fails(error);
    assertEquals(told(await failure(connecting)), [kind, "connect", `engine: ${error.message}`]);
  }
});

Deno.test("a resolver that says nothing is bounded by the time-out, and asked once for all who wait", async () => {
  using time = new FakeTime(0);
  using network = new FakeNetwork();
  const answer = Promise.withResolvers<string[]>();
  let asked = 0;
  const resolve: Resolve = () => {
    asked++;
    return answer.promise;
  };
  const connector = new Connector({ host: "engine", port: 1, resolve });
  const short = connect(connector, { connectTimeoutMs: 300 });
  const long = connect(connector, { connectTimeoutMs: 5000 });
  const stop = new AbortController();
  const stopped = connect(connector, { stop: stopOn(stop.signal) });
  stop.abort();
  assertEquals(told(await failure(stopped)), ["aborted", "connect", "aborted"]);
  await time.tickAsync(300);
  assertEquals(told(await failure(short)), [
    "timeout",
    "connect",
    "no address of engine within 300 ms",
  ]);
  assertEquals([asked, network.tried], [1, []]);
  answer.resolve(["10.0.0.1"]);
  await time.runMicrotasks();
  assertEquals(network.tried, ["10.0.0.1"]);
  network.attempts[0]!.connects();
  await long;
  const next = connect(connector);
  await time.runMicrotasks();
  assertEquals(asked, 2, "what it said is not kept");
  network.attempts[1]!.connects();
  await next;
});

// Real sockets

Deno.test("a name is connected to at the one of its addresses where somebody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  // All of 127.0.0.0/8 is this machine; at the others nobody listens.
  const resolve: Resolve = () => Promise.resolve(["127.0.0.3", "127.0.0.2", "127.0.0.1"]);
  const socket = await connect(new Connector({ host: "engine", port, resolve }));
  const accepted = await listener.accept();
  assertEquals(socket.remoteAddr.hostname, "127.0.0.1");
  for (const each of [socket, accepted, listener]) each.close();
});

/** How many sockets of this machine wait for a connection to a port of it (SYN_SENT). */
function connectingTo(port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return Deno.readTextFileSync("/proc/net/tcp").split("\n").slice(1).filter((line) => {
    const [, , remote = "", state = ""] = line.trim().split(/\s+/);
    return remote.endsWith(suffix) && state === "02";
  }).length;
}

for (const end of ["time-out", "stop"] as const) {
  Deno.test({
    name: `a connection given up by ${end} leaves no socket that goes on connecting`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      // Its queue is full: to one more SYN there is no answer.
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
      const { port } = listener.addr;
      const queued = [await Deno.connect({ port }), await Deno.connect({ port })];
      const stop = new AbortController();
      const connector = new Connector({
        host: "engine",
        port,
        resolve: () => Promise.resolve(["127.0.0.1"]),
      });
      const connecting = connect(connector, {
        connectTimeoutMs: end === "stop" ? 10_000 : 300,
        stop: stopOn(stop.signal),
      });
      await until("a socket is connecting", () => connectingTo(port) === 1);
      if (end === "stop") stop.abort();
      const { kind } = await failure(connecting);
      assertEquals(kind, end === "stop" ? "aborted" : "timeout");
      await until("no socket is connecting", () => connectingTo(port) === 0);
      for (const each of [...queued, listener]) each.close();
    },
  });
}
