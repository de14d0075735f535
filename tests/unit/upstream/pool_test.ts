import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Connection } from "../../../src/upstream/connection.ts";
import { Pool } from "../../../src/upstream/pool.ts";
import { FakeSocket } from "./support.ts";

function idleConnection(): Connection {
  return new Connection(new FakeSocket([], { atEnd: "stall" }).conn);
}

/** A socket whose one read is answered by the test. */
class TalkingSocket extends FakeSocket {
  readonly reading = Promise.withResolvers<number | null>();

  override read(): Promise<number | null> {
    return this.reading.promise;
  }
}

function newPool({ idleMs = 1000, maxIdle = 10 } = {}): Pool {
  return new Pool({ idleMs, maxIdle, now: Date.now });
}

Deno.test("Pool gives the connection that became idle last, then the one before", () => {
  using _ = new FakeTime(0);
  const pool = newPool();
  const [a, b, c] = [idleConnection(), idleConnection(), idleConnection()];
  for (const connection of [a, b, c]) pool.put(connection);
  assertEquals(
    [pool.take(), pool.take(), pool.take(), pool.take()].map((given) => given === undefined),
    [
      false,
      false,
      false,
      true,
    ],
  );
  for (const connection of [a, b, c]) pool.put(connection);
  assertEquals(pool.take() === c && pool.take() === b && pool.take() === a, true);
  pool.close();
});

Deno.test("Pool closes a connection that has been idle for its limit, and not before", () => {
  using time = new FakeTime(0);
  const pool = newPool();
  const old = idleConnection();
  const young = idleConnection();
  pool.put(old);
  time.tick(600);
  pool.put(young);
  time.tick(399);
  assertEquals([old.closed, young.closed], [false, false]);
  time.tick(1);
  assertEquals([old.closed, young.closed, pool.size], [true, false, 1]);
  time.tick(600);
  assertEquals([young.closed, pool.size], [true, 0]);
});

Deno.test("Pool gives nothing that is too old, even if its timer is late", () => {
  let now = 0;
  using _ = new FakeTime(0); // its timers stand still
  const pool = new Pool({ idleMs: 1000, maxIdle: 10, now: () => now });
  const connections = [idleConnection(), idleConnection()];
  for (const connection of connections) pool.put(connection);
  now = 1000;
  assertEquals(pool.take(), undefined);
  assertEquals(connections.map(({ closed }) => closed), [true, true]);
  assertEquals(pool.size, 0);
  pool.close();
});

Deno.test("Pool counts the idle time anew each time a connection is put back", () => {
  using time = new FakeTime(0);
  const pool = newPool();
  const connection = idleConnection();
  for (let turn = 0; turn < 5; turn++) {
    pool.put(connection);
    time.tick(900);
    assertEquals(pool.take() === connection, true, `turn ${turn}`);
  }
  pool.put(connection);
  pool.close();
});

Deno.test("Pool keeps at most so many, and closes the oldest of more", () => {
  using _ = new FakeTime(0);
  const pool = newPool({ maxIdle: 2 });
  const connections = [idleConnection(), idleConnection(), idleConnection()];
  for (const connection of connections) pool.put(connection);
  assertEquals(connections.map(({ closed }) => closed), [true, false, false]);
  assertEquals(pool.size, 2);
  pool.close();
});

Deno.test("Pool that may keep none closes what it is given", () => {
  const pool = newPool({ maxIdle: 0 });
  const connection = idleConnection();
  pool.put(connection);
  assertEquals([connection.closed, pool.size], [true, 0]);
});

for (
  const [name, end] of [
    ["is closed by the peer", (socket: TalkingSocket) => socket.reading.resolve(null)],
    ["is reset", (socket: TalkingSocket) => socket.reading.reject(new Error("reset"))],
    ["gets bytes nobody asked for", (socket: TalkingSocket) => socket.reading.resolve(5)],
  ] as const
) {
  Deno.test(`Pool drops a connection that ${name} while idle`, async () => {
    const pool = newPool();
    const socket = new TalkingSocket([]);
    const connection = new Connection(socket.conn);
    const other = idleConnection();
    pool.put(connection);
    pool.put(other);
    end(socket);
    await socket.reading.promise.catch(() => {});
    await Promise.resolve();
    await Promise.resolve();
    assertEquals([connection.closed, other.closed, pool.size], [true, false, 1]);
    pool.close();
  });
}

Deno.test("Pool keeps a connection half a second less than its server says, and never longer than its own limit", () => {
  using time = new FakeTime(0);
  const pool = newPool({ idleMs: 3000 });
  const [shorter, longer] = [idleConnection(), idleConnection()];
  pool.put(longer, 60_000);
  pool.put(shorter, 2000);
  time.tick(1499);
  assertEquals([shorter.closed, longer.closed], [false, false]);
  time.tick(1);
  assertEquals([shorter.closed, longer.closed], [true, false]);
  time.tick(1500);
  assertEquals(longer.closed, true);
});

Deno.test("Pool does not keep a connection that its server keeps for half a second or less", () => {
  using _ = new FakeTime(0);
  const pool = newPool();
  for (const serverMs of [0, 500]) {
    const connection = idleConnection();
    pool.put(connection, serverMs);
    assertEquals([connection.closed, pool.size], [true, 0]);
  }
});

Deno.test("Pool gives an older connection if the newest is past what its server said", () => {
  let now = 0;
  using _ = new FakeTime(0); // its timers stand still
  const pool = new Pool({ idleMs: 3000, maxIdle: 10, now: () => now });
  const [older, newest] = [idleConnection(), idleConnection()];
  pool.put(older);
  pool.put(newest, 1000);
  now = 600;
  assertEquals(pool.take() === older, true);
  assertEquals([newest.closed, older.closed], [true, false]);
  pool.close();
});

/** Puts a connection whose peer ends it after so long, and waits until the pool has seen that. */
async function endedAfter(
  ms: number,
  { pool, time, reset = false }: { pool: Pool; time: FakeTime; reset?: boolean },
): Promise<void> {
  const socket = new TalkingSocket([]);
  pool.put(new Connection(socket.conn));
  time.tick(ms);
  if (reset) socket.reading.reject(new Error("reset"));
  else socket.reading.resolve(null);
  await time.runMicrotasks();
}

/** For how long the pool keeps a connection that it is given now. */
function kept({ pool, time }: { pool: Pool; time: FakeTime }): number {
  const connection = idleConnection();
  const since = time.now;
  pool.put(connection);
  while (!connection.closed) time.tick(1);
  return time.now - since;
}

Deno.test("Pool keeps connections for 80 % of the age at which their peer closed one, for a minute", async () => {
  using time = new FakeTime(0);
  const pool = newPool({ idleMs: 3000 });
  await endedAfter(2000, { pool, time });
  assertEquals(kept({ pool, time }), 1600);
  await endedAfter(1000, { pool, time });
  assertEquals(kept({ pool, time }), 800);
  await endedAfter(799, { pool, time });
  time.tick(60_000);
  assertEquals(kept({ pool, time }), 3000);
});

Deno.test("Pool keeps those that idle already no longer than their peer does", async () => {
  using time = new FakeTime(0);
  const pool = newPool({ idleMs: 3000 });
  const [before, after] = [idleConnection(), idleConnection()];
  pool.put(before);
  const ended = endedAfter(1000, { pool, time });
  pool.put(after);
  await ended;
  assertEquals([before.closed, after.closed], [true, false]);
  time.tick(800);
  assertEquals(after.closed, true);
});

Deno.test("Pool learns nothing of a peer that resets, or closes what is younger than 100 ms", async () => {
  using time = new FakeTime(0);
  const pool = newPool({ idleMs: 3000 });
  await endedAfter(2000, { pool, time, reset: true });
  await endedAfter(99, { pool, time });
  assertEquals(kept({ pool, time }), 3000);
});

Deno.test("Pool does not touch a connection that was taken, whatever its read gives then", async () => {
  const pool = newPool();
  const socket = new TalkingSocket([]);
  const connection = new Connection(socket.conn);
  pool.put(connection);
  assertEquals(pool.take() === connection, true);
  socket.reading.resolve(5);
  await connection.fill();
  assertEquals([connection.closed, connection.end - connection.start], [false, 5]);
  pool.close();
});

Deno.test("Pool does not keep a connection with bytes that nobody asked for, nor a closed one", async () => {
  const pool = newPool();
  const talker = new Connection(new FakeSocket(["HTTP/1.1 200 OK"]).conn);
  await talker.fill();
  const closed = idleConnection();
  closed.close();
  pool.put(talker);
  pool.put(closed);
  assertEquals([talker.closed, pool.size], [true, 0]);
});

Deno.test("Pool that was closed closes what it has and what it is given, and leaves no timer", () => {
  const pool = newPool();
  const [before, after] = [idleConnection(), idleConnection()];
  pool.put(before);
  pool.close();
  pool.put(after);
  assertEquals([before.closed, after.closed, pool.size], [true, true, 0]);
});
