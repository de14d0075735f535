import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { closeOnNextWrite } from "../../support/close_on_write.ts";
import type { PeerScript } from "../../support/raw_peer.ts";
import { within } from "../../support/within.ts";
import { always, answer, leaves, silent, STREAM, TestHouse } from "./support.ts";

const OK = always(answer(200, '{"ok":1}'));

/** A backend where nobody listens. */
function refuse(house: TestHouse, ...indexes: number[]): void {
  for (const index of indexes) house.peers[index]!.stopListening();
}

interface Told {
  status: number;
  code: unknown;
  service: string | null;
  retry: string | null;
}

async function told(response: Response): Promise<Told> {
  const { code } = await response.json() as { code?: unknown };
  const { status, headers } = response;
  return {
    status,
    code,
    service: headers.get("x-infinilm-service"),
    retry: headers.get("x-should-retry"),
  };
}

Deno.test("a call that a backend refuses goes to another one, and the refusal is recorded", async () => {
  await using house = new TestHouse([OK, OK]);
  refuse(house, 0);
  const { status, service } = await told(await house.post());
  assertEquals([status, service, house.asked], [200, "b1", [0, 1]]);
  assertEquals(house.outcomes, [[{ kind: "refused" }], [{ kind: "completed", status: 200 }]]);
  assertEquals(house.inFlight, [0, 0]);
});

for (const status of [429, 503]) {
  Deno.test(`a call answered with ${status} goes to another backend, and the last such answer passes`, async () => {
    const busy = always(answer(status, `{"busy":${status}}`));
    await using house = new TestHouse([busy, OK]);
    assertEquals((await told(await house.post())).service, "b1");
    await using busyHouse = new TestHouse([busy, busy, busy]);
    const response = await busyHouse.post();
    assertEquals([response.status, await response.text()], [status, `{"busy":${status}}`]);
    assertEquals([busyHouse.asked, busyHouse.inFlight], [[1, 1, 1], [0, 0, 0]]);
    assertEquals(response.headers.get("x-infinilm-service"), "b2");
  });
}

for (const status of [200, 301, 302, 400, 401, 404, 422, 500, 501, 504]) {
  Deno.test(`promise 20: a call answered with ${status} stays with its backend, the answer as it is`, async () => {
    await using house = new TestHouse([always(answer(status, `{"x":${status}}`)), OK]);
    const response = await house.post();
    assertEquals([response.status, await response.text()], [status, `{"x":${status}}`]);
    assertEquals([house.asked, house.inFlight], [[1, 0], [0, 0]]);
  });
}

Deno.test("a call is tried no more often than it may be, and never twice on one backend", async () => {
  const busy = always(answer(503));
  for (const attempts of [1, 2, 3, 10]) {
    await using house = new TestHouse([busy, busy, busy, busy], { attempts });
    await house.post();
    assertEquals(house.asked.reduce((a, b) => a + b), Math.min(attempts, 4));
    assert(house.asked.every((count) => count <= 1), `${house.asked}`);
    assertEquals(house.log[0]?.["attempts"], Math.min(attempts, 4));
  }
});

const afterHead: PeerScript = async (conn) => {
  await conn.readRequest();
  await conn.write(
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
  );
  conn.close();
};

for (
  const [name, script] of [["before its head", leaves], ["after its head", afterHead]] as const
) {
  Deno.test(`promise 5: a call whose backend leaves ${name} is sent to one other, and no third`, async () => {
    await using house = new TestHouse([script, OK, OK]);
    assertEquals((await told(await house.post())).status, 200);
    assertEquals(house.asked.reduce((a, b) => a + b), 2);
    assertEquals(house.log[0]?.["resent"], 1);
    await using poison = new TestHouse([script, script, OK]);
    assertEquals(await told(await poison.post()), {
      status: 502,
      code: "suspected_poison",
      service: "infinilm-router",
      retry: "false",
    });
    assertEquals([poison.asked, poison.inFlight], [[1, 1, 0], [0, 0, 0]]);
  });
}

Deno.test("a refusal after a broken call does not count as sent again", async () => {
  await using house = new TestHouse([leaves, OK, OK]);
  refuse(house, 1);
  assertEquals((await told(await house.post())).status, 200);
  assertEquals([house.asked, house.log[0]?.["attempts"]], [[1, 0, 1], 3]);
});

Deno.test("a call that gets nonsense is not sent again", async () => {
  await using house = new TestHouse([always("HTTP/1.1 200 OK\r\nbad header\r\n\r\n"), OK]);
  const { status, code } = await told(await house.post());
  assertEquals([status, code, house.asked[1]], [502, "upstream_bad_answer", 0]);
  assertEquals(house.inFlight, [0, 0]);
});

Deno.test("promise 13: a call that gets no answer in time is not sent again, and its socket is closed", async () => {
  await using house = new TestHouse([silent, OK], { timeouts: { requestMs: 5000 } });
  {
    using time = new FakeTime();
    const asked = house.post();
    await house.peers[0]!.received(1);
    time.tick(5000);
    const { status, code, retry } = await told(await asked);
    assertEquals([status, code, retry], [504, "upstream_timeout", "false"]);
  }
  await house.peers[0]!.connections[0]!.closedByPeer;
  assertEquals([house.asked, house.inFlight], [[1, 0], [0, 0]]);
  assertEquals(house.outcomes[0], [{ kind: "timed_out", phase: "head" }]);
});

Deno.test("promise 6: a client that leaves while its call waits frees all at once, and blames nobody", async () => {
  await using house = new TestHouse([silent, OK]);
  const client = new AbortController();
  const asked = house.post(STREAM, { signal: client.signal });
  await house.peers[0]!.received(1);
  assertEquals(house.inFlight, [1, 0]);
  client.abort();
  await asked;
  await house.peers[0]!.connections[0]!.closedByPeer;
  assertEquals([house.asked, house.inFlight], [[1, 0], [0, 0]]);
  assertEquals(house.outcomes[0], [{ kind: "client_left", phase: "head" }]);
  const [line] = house.log;
  assertEquals([line?.["status"], line?.["outcome"], line?.["phase"]], [
    499,
    "client_left",
    "head",
  ]);
});

Deno.test("a call for which there is no backend is told why", async () => {
  await using house = new TestHouse([OK, OK], {
    specs: [{ maxInFlight: 1 }, { models: ["n"] }],
  });
  house.backends[0]!.load.inFlight = 1;
  house.backends[1]!.gate.healthy = false;
  for (
    const [model, status, code, retryAfter] of [
      ["m", 429, "overloaded", "1"],
      ["n", 503, "no_healthy_backend", "5"],
      ["x", 503, "model_not_found", null],
    ] as const
  ) {
    const response = await house.post(`{"model":"${model}","messages":[1]}`);
    assertEquals(response.headers.get("retry-after"), retryAfter);
    const { error, ...found } = await response.json() as { error: string; code: string };
    assertEquals([response.status, found.code], [status, code]);
    assert(error.includes(`'${model}'`), error);
  }
  assertEquals(house.asked, [0, 0]);
});

Deno.test("an answer that is not JSON and tells of a fault is wrapped; any other passes", async () => {
  for (
    const [status, code, own] of [
      [500, "upstream_bad_answer", 502],
      [502, "upstream_bad_answer", 502],
      [505, "upstream_bad_answer", 502],
      [429, "upstream_busy", 429],
      [503, "upstream_unavailable", 503],
      [504, "upstream_timeout", 504],
    ] as const
  ) {
    for (const after of ["7", "Fri, 31 Dec 2027 23:59:59 GMT", undefined]) {
      const head = after === undefined ? "" : `retry-after: ${after}\r\n`;
      const page = answer(status, "busy", "text/plain").replace(
        "content-type",
        `${head}content-type`,
      );
      await using house = new TestHouse([always(page)]);
      const response = await house.post();
      const found = await told(response);
      assertEquals([found.status, found.code, found.service], [own, code, "infinilm-router"]);
      const kept = own === 502 ? null : after ?? null;
      assertEquals(response.headers.get("retry-after"), kept, `${status}`);
      assertEquals(house.inFlight, [0]);
    }
  }
  await using house = new TestHouse([always(answer(404, "<html>", "text/html"))]);
  const response = await house.post();
  assertEquals([response.status, await response.text()], [404, "<html>"]);
});

for (
  const [what, script] of [
    ["too large", always(answer(503, `"${"x".repeat(300_000)}"`))],
    ["broken off", async (conn) => {
      await conn.readRequest();
      await conn.write(
        "HTTP/1.1 503 X\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{}",
      );
      conn.close();
    }],
  ] as [string, PeerScript][]
) {
  Deno.test(`a refusal whose body is ${what} is never passed on in part`, async () => {
    await using both = new TestHouse([script, OK]);
    assertEquals((await told(await both.post())).service, "b1");
    await using alone = new TestHouse([script]);
    const { status, code } = await told(await alone.post());
    assertEquals([status, code, alone.inFlight], [503, "upstream_unavailable", [0]]);
  });
}

/** How long a refusal's body is waited for (`MAX_HOLD_MS`). */
const HOLD_MS = 1000;

/** Resolves once the router waits for a refusal's body: nothing on the wire tells of that moment. */
async function holding(): Promise<void> {
  const { setTimeout } = globalThis;
  const held = new Promise<void>((resolve) => {
    globalThis.setTimeout = ((expire: () => void, ms?: number) => {
      if (ms === HOLD_MS) resolve();
      return setTimeout(expire, ms);
    }) as typeof globalThis.setTimeout;
  });
  try {
    await within(held, "the router waits for the body of a refusal");
  } finally {
    globalThis.setTimeout = setTimeout;
  }
}

/** A refusal whose body does not come. */
const stalls: PeerScript = async (conn) => {
  await conn.readRequest();
  await conn.write(
    "HTTP/1.1 503 X\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{}",
  );
};

Deno.test("a refusal whose body does not come holds the call up for a second at most", async () => {
  await using house = new TestHouse([stalls, OK]);
  using time = new FakeTime();
  const held = holding();
  const asked = house.post();
  await held;
  time.tick(HOLD_MS - 1);
  assertEquals([house.asked, house.inFlight], [[1, 0], [1, 0]]);
  time.tick(1);
  assertEquals((await told(await asked)).service, "b1");
});

Deno.test("a defect in an attempt gives its place back and blames nobody", async () => {
  await using house = new TestHouse([OK]);
  Object.defineProperty(house.backends[0]!.spec, "apiKey", {
    get(): never {
      throw new TypeError("a defect");
    },
  });
  const { status, code } = await told(await house.post());
  assertEquals([status, code, house.inFlight], [500, "internal", [0]]);
  assertEquals(house.outcomes, [[{ kind: "router_failed" }]]);
});

Deno.test("an answer that must have no body gets none, whatever its backend sends", async () => {
  const body = "x".repeat(40_000);
  await using house = new TestHouse([always(answer(205, body)), OK]);
  const response = await house.post();
  assertEquals([response.status, await response.text()], [205, ""]);
  assertEquals([house.inFlight, house.log.length], [[0, 0], 1]);
});

Deno.test("a call whose time runs out between two attempts is not counted on the next backend", async () => {
  await using house = new TestHouse([stalls, OK], { timeouts: { requestMs: 100 } });
  using time = new FakeTime();
  const held = holding();
  const asked = house.post();
  await held;
  time.tick(100);
  const { status, code } = await told(await asked);
  assertEquals([status, code], [504, "upstream_timeout"]);
  assertEquals(house.asked, [1, 0]);
  assertEquals(house.outcomes[1], []);
  assertEquals([house.backends[1]!.stats.requests, house.inFlight], [0, [0, 0]]);
});

Deno.test("the place of a refused call is given back when the refusal's body has ended", async () => {
  let inFlight = -1;
  const late: PeerScript = async (conn) => {
    await conn.readRequest();
    await conn.write(
      "HTTP/1.1 503 X\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{",
    );
    await held;
    inFlight = house.inFlight[0]!;
    await conn.write("}");
  };
  await using house = new TestHouse([late, OK]);
  const held = holding();
  await told(await house.post());
  assertEquals([inFlight, house.inFlight], [1, [0, 0]]);
});

Deno.test("a call answered with 502 may have broken an engine behind it: it is sent to one other, and no third", async () => {
  const broken = always(answer(502, '{"error":"the engine broke"}'));
  await using house = new TestHouse([broken, OK, OK]);
  assertEquals((await told(await house.post())).service, "b1");
  assertEquals(house.log[0]?.["resent"], 1);
  await using poison = new TestHouse([broken, leaves, OK]);
  assertEquals(await told(await poison.post()), {
    status: 502,
    code: "upstream_broken",
    service: "infinilm-router",
    retry: "false",
  });
  assertEquals(poison.asked, [1, 1, 0]);
});

Deno.test("a call answered with 504 may still be running: it is sent nowhere else, and the answer passes", async () => {
  await using house = new TestHouse([always(answer(504, '{"late":1}')), OK]);
  const response = await house.post();
  assertEquals([response.status, await response.text()], [504, '{"late":1}']);
  assertEquals([house.asked, house.inFlight], [[1, 0], [0, 0]]);
});

for (const status of [429, 502, 503]) {
  Deno.test(`a call answered with ${status} and x-should-retry: false is sent nowhere else`, async () => {
    const final = answer(status).replace("content-type", "X-Should-Retry: False\r\ncontent-type");
    await using house = new TestHouse([always(final), OK]);
    const response = await house.post();
    await response.body?.cancel();
    assertEquals([response.status, response.headers.get("x-should-retry")], [status, "False"]);
    assertEquals([house.asked, house.inFlight], [[1, 0], [0, 0]]);
  });
}

/** A 429 that says when to come back. */
const LATER = always(
  answer(429, '{"later":1}').replace("content-type", "retry-after: 7\r\ncontent-type"),
);

for (
  const [what, other] of [
    ["refuses the connection", undefined],
    ["breaks", leaves],
    ["answers 503", always(answer(503))],
    ["answers a page", always(answer(503, "<html>", "text/html"))],
    ["answers nonsense", always("SSH-2.0\r\n\r\n")],
    ["answers a page of its failure", always(answer(500, "<html>", "text/html"))],
  ] as [string, PeerScript | undefined][]
) {
  for (
    const order of what.startsWith("answers nonsense") || what.includes("failure")
      ? ["first"]
      : ["first", "last"]
  ) {
    Deno.test(`a 429 that says when to come back is what the client gets if the other backend ${what}, coming ${order}`, async () => {
      const scripts = order === "first" ? [LATER, other ?? OK] : [other ?? OK, LATER];
      await using house = new TestHouse(scripts);
      if (other === undefined) refuse(house, scripts.indexOf(OK));
      const response = await house.post();
      assertEquals([response.status, await response.text()], [429, '{"later":1}']);
      assertEquals(response.headers.get("retry-after"), "7");
      assertEquals(house.inFlight, [0, 0]);
      const [own, others] = order === "first" ? ["b0", "b1"] : ["b1", "b0"];
      const line = house.log[0];
      assertEquals([response.headers.get("x-infinilm-service"), line?.["backend"]], [own, own]);
      const failed = line?.["failed_attempts"] as string[];
      assertEquals(failed.map((one) => one.split(":")[0]), [others]);
    });
  }
}

Deno.test("a call on a kept connection that dies in that moment goes to the same backend on a new one, and blames nobody", async () => {
  await using house = new TestHouse([OK], { attempts: 1 });
  assertEquals((await told(await house.post())).status, 200);
  closeOnNextWrite(() => house.peers[0]!.connections[0]!);
  assertEquals((await told(await house.post())).status, 200);
  assertEquals(house.peers[0]!.connections.length, 2);
  assertEquals(house.outcomes[0]!.map((outcome) => (outcome as { kind: string }).kind), [
    "completed",
    "stale",
    "completed",
  ]);
  assertEquals([house.backends[0]!.stats.errors, house.inFlight], [0, [0]]);
  const line = house.log[1];
  assertEquals([line?.["attempts"], line?.["resent"], line?.["failed_attempts"]], [
    2,
    undefined,
    ["b0:stale"],
  ]);
});

Deno.test("a call whose backend takes it from a kept connection and goes down has had a strike", async () => {
  const takes: PeerScript = async (conn) => {
    await conn.readRequest();
    await conn.write(answer(200, '{"ok":1}'));
    await conn.readRequest();
    conn.close();
  };
  await using house = new TestHouse([takes, leaves, OK]);
  await told(await house.post()); // b0 keeps its connection
  house.backends[1]!.load.inFlight = 1; // b0 is chosen again
  house.backends[2]!.load.inFlight = 2;
  const { status, retry } = await told(await house.post());
  assertEquals([status, retry], [502, "false"]);
  assertEquals(house.asked, [2, 1, 0]);
});

Deno.test("a call that a fallen backend gives back goes to another, once", async () => {
  await using house = new TestHouse([silent, OK]);
  const asked = house.post();
  await house.peers[0]!.received(1);
  house.backends[0]!.gate.healthy = false;
  house.backends[0]!.revokeWaiting();
  assertEquals((await told(await asked)).service, "b1");
  assertEquals(house.outcomes[0], [{ kind: "broke", phase: "head" }]);
  assertEquals([house.inFlight, house.log[0]?.["resent"]], [[0, 0], 1]);
  await house.peers[0]!.connections[0]!.closedByPeer;
});

Deno.test("a call that a fallen backend gives back stays where it is if there is nobody else, or if it broke one before", async () => {
  await using alone = new TestHouse([silent], { timeouts: { requestMs: 5000 } });
  await using struck = new TestHouse([leaves, silent, OK], { timeouts: { requestMs: 5000 } });
  for (const [house, index] of [[alone, 0], [struck, 1]] as const) {
    using time = new FakeTime();
    const asked = house.post();
    await house.peers[index]!.received(1);
    house.backends[index]!.revokeWaiting();
    time.tick(5000);
    assertEquals((await told(await asked)).code, "upstream_timeout");
  }
  assertEquals([struck.asked, struck.inFlight], [[1, 1, 0], [0, 0, 0]]);
});

Deno.test("calls that a fallen backend gives back go elsewhere one after the other as there is room", async () => {
  await using house = new TestHouse([silent, OK], { specs: [{}, { maxInFlight: 1 }] });
  house.backends[1]!.load.inFlight = 1; // so that all begin on the first
  const asked = [0, 1, 2, 3].map(() => house.post());
  await house.peers[0]!.received(4);
  house.backends[1]!.load.inFlight = 0;
  house.backends[0]!.gate.healthy = false;
  house.backends[0]!.revokeWaiting();
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  assertEquals([statuses, house.inFlight], [[200, 200, 200, 200], [0, 0]]);
  assertEquals(house.asked, [4, 4]);
});

Deno.test("a refusal that is an event stream is told in our words, as any that is not JSON", async () => {
  const page = answer(429, "data: busy\n\n", "text/event-stream");
  await using house = new TestHouse([always(page)]);
  const { status, code } = await told(await house.post(STREAM));
  assertEquals([status, code, house.inFlight], [429, "upstream_busy", [0]]);
});

Deno.test("a call asks the budget before every further attempt, waits as it says, and stops when there is none", async () => {
  const waits: (number | undefined)[] = [50, undefined];
  const busy = always(answer(503));
  await using house = new TestHouse([busy, busy, OK], {
    budget: { call: () => {}, take: () => waits.shift() },
  });
  using time = new FakeTime();
  const asked = house.post();
  while (house.outcomes[0]!.length === 0) await time.runMicrotasks(), await realTurn();
  await time.tickAsync(49);
  assertEquals(house.asked, [1, 0, 0]);
  await time.tickAsync(1);
  assertEquals([(await told(await asked)).status, house.asked], [503, [1, 1, 0]]);
});

/** A turn of the real event loop, whatever time is faked. */
function realTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

Deno.test("a record has every attempt: where, why, how it ended and what came next", async () => {
  await using house = new TestHouse([leaves, OK]);
  await told(await house.post());
  const [record] = house.records;
  assertEquals(record!.attempts.map(({ duration, ...rest }) => [rest, duration! >= 0]), [
    [{
      backend: "b0",
      why: "least_load",
      outcome: { kind: "broke", phase: "head" },
      next: "once",
    }, true],
    [{
      backend: "b1",
      why: "only",
      outcome: { kind: "completed", status: 200 },
      next: "pass",
    }, true],
  ]);
});

Deno.test("a call that broke one backend and waits at one that falls has broken two, and waits no longer", async () => {
  await using house = new TestHouse([leaves, silent, OK]);
  const asked = house.post();
  await house.peers[1]!.received(1);
  house.backends[1]!.revokeWaiting();
  const { status, code, retry } = await told(await asked);
  assertEquals([status, code, retry], [502, "suspected_poison", "false"]);
  assertEquals([house.asked, house.inFlight], [[1, 1, 0], [0, 0, 0]]);
  assertEquals(house.outcomes[1], [{ kind: "broke", phase: "head" }]);
});

Deno.test("promise 19: if all are busy the client hears of the one that comes back first", async () => {
  const busy = (seconds: string): PeerScript =>
    always(
      `HTTP/1.1 503 X\r\ncontent-type: application/json\r\nretry-after: ${seconds}\r\ncontent-length: 2\r\n\r\n{}`,
    );
  await using house = new TestHouse([busy("9"), busy("2"), busy("5")]);
  const response = await house.post();
  assertEquals([response.status, response.headers.get("retry-after")], [503, "2"]);
  await response.body?.cancel();
  assertEquals(house.backends.map(({ gate }) => gate.facts), [
    [{ comesBackMs: 9000 }],
    [{ comesBackMs: 2000 }],
    [{ comesBackMs: 5000 }],
  ]);
});

Deno.test("promise 5: with retry.ambiguous: never a call that may have been begun is sent to nobody else", async () => {
  await using house = new TestHouse([leaves, OK], { ambiguous: "never" });
  const { status, code } = await told(await house.post());
  assertEquals([status, code, house.asked], [502, "upstream_broken", [1, 0]]);
  await using refused = new TestHouse([OK, OK], { ambiguous: "never" });
  refuse(refused, 0);
  assertEquals((await told(await refused.post())).service, "b1", "nobody can have begun this one");
});

Deno.test("with retry.ambiguous: never a call waits on at a backend that falls", async () => {
  await using house = new TestHouse([silent, OK], {
    ambiguous: "never",
    timeouts: { requestMs: 200 },
  });
  const asked = house.post();
  await house.peers[0]!.received(1);
  house.backends[0]!.revokeWaiting();
  const { status } = await told(await asked);
  assertEquals([status, house.asked], [504, [1, 0]]);
});
