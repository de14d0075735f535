import { assert, assertEquals } from "@std/assert";
import { Sim, type SimOptions } from "../../src/sim/sim.ts";
import { chunk, jsonAnswer, startEnginePeer, STREAM_HEAD } from "../support/engine_peer.ts";
import type { PeerConnection } from "../support/raw_peer.ts";
import { RawClient, rawPost } from "../support/raw_client.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const CHAT = "/v1/chat/completions";

/** What the log tells of a call that exceeded a limit. */
async function told(router: RouterProcess, id: string): Promise<unknown[]> {
  const line = await router.call(id);
  return [line["status"], line["code"], line["outcome"], line["phase"]];
}

interface Deadline {
  limit: string;
  sim: SimOptions;
  yaml: string;
  stream: boolean;
  status: number;
  code: string;
  phase: string;
}

const OF_BACKENDS: Deadline[] = [
  {
    limit: "timeouts.request, until the first byte",
    sim: { fault: "stall_before_head" },
    yaml: "timeouts: { request: 200ms }",
    stream: true,
    status: 504,
    code: "upstream_timeout",
    phase: "head",
  },
  {
    limit: "timeouts.idle",
    sim: { fault: "stall_mid_stream" },
    yaml: "timeouts: { idle: 200ms }",
    stream: true,
    status: 200,
    code: "upstream_idle_timeout",
    phase: "body",
  },
  {
    limit: "timeouts.total",
    sim: { tokensPerSecond: 50, timeToFirstTokenMs: 0 },
    yaml: "timeouts: { total: 200ms }",
    stream: true,
    status: 200,
    code: "upstream_total_timeout",
    phase: "body",
  },
];

for (const { limit, sim: options, yaml, stream, status, code, phase } of OF_BACKENDS) {
  Deno.test(`${limit} has a code and a phase of its own`, async () => {
    await using sim = Sim.start(options);
    await using router = await RouterProcess.start(`${backendsYaml([sim.url])}${yaml}\n`);
    const body = chat("sim", "hi", { stream, max_tokens: 1000 });
    const answer = await router.post(CHAT, body, { "x-request-id": "late" });
    assertEquals(answer.status, status);
    assert((await answer.text().catch(() => code)).includes(code));
    assertEquals(await told(router, "late"), [status, code, "timed_out", phase]);
  });
}

/** An engine that answers until nobody accepts there any more, and its kernel's queue is full. */
class Deafening {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  readonly #fill: Deno.Conn[] = [];
  #deaf = false;

  constructor() {
    void this.#serve();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  async #serve(): Promise<void> {
    while (!this.#deaf) {
      using conn = await this.#listener.accept();
      if (this.#deaf) return;
      await conn.read(new Uint8Array(4096));
      const answer = jsonAnswer({ data: [{ id: "sim" }] }, { headers: ["connection: close"] });
      await conn.write(new TextEncoder().encode(answer));
    }
  }

  async deafen(): Promise<void> {
    const { port } = this.#listener.addr;
    this.#deaf = true;
    for (let i = 0; i < 3; i++) this.#fill.push(await Deno.connect({ port }));
  }

  [Symbol.dispose](): void {
    for (const each of [...this.#fill, this.#listener]) each.close();
  }
}

Deno.test("promise 12: timeouts.connect has a code and a phase of its own, and another backend gets the call", async () => {
  using deaf = new Deafening();
  await using sim = Sim.start({ models: ["other", "sim"] });
  const yaml = "timeouts: { connect: 200ms }\nrouting: { policy: round_robin }\n";
  await using router = await RouterProcess.start(
    `${backendsYaml([deaf.url, sim.url], ["models: [sim, alone]", "models: [sim]"])}${yaml}`,
  );
  await deaf.deafen();
  const alone = await router.post(CHAT, chat("alone"), { "x-request-id": "alone" });
  assertEquals(alone.status, 504);
  assertEquals(await told(router, "alone"), [
    504,
    "upstream_connect_timeout",
    "timed_out",
    "connect",
  ]);
  const both = await Promise.all(Array.from({ length: 4 }, () => router.post(CHAT, chat("sim"))));
  assertEquals(both.map(({ status }) => status), [200, 200, 200, 200]);
});

Deno.test("queue.timeout and the time for an upload have codes and phases of their own", async () => {
  await using sim = Sim.start({ fault: "stall_before_head" });
  await using router = await RouterProcess.start(
    `${backendsYaml([sim.url], ["max_in_flight: 1"])}queue: { timeout: 200ms }\n` +
      "timeouts: { request: 1s }\n",
  );
  const first = router.post(CHAT, chat("sim"));
  await until("the engine has a call", () => sim.running === 1);
  await router.post(CHAT, chat("sim"), { "x-request-id": "waiting" });
  using client = await RawClient.connect(router.port);
  await client.write(
    `POST ${CHAT} HTTP/1.1\r\nhost: x\r\nx-request-id: slow\r\ncontent-length: 9\r\n\r\n{`,
  );
  const ended = ["timed_out"];
  assertEquals(await told(router, "waiting"), [503, "queue_timeout", ...ended, "queue"]);
  assertEquals(await told(router, "slow"), [408, "request_timeout", ...ended, "upload"]);
  assertEquals((await first).status, 504);
});

Deno.test({
  name: "timeouts.client_stall has a code and a phase of its own",
  ignore: Deno.env.has("PLAIN_SERVE"),
  async fn(): Promise<void> {
    await using peer = startEnginePeer(async (conn) => {
      await conn.write(STREAM_HEAD);
      const event = chunk(`data: ${"x".repeat(60_000)}\n\n`);
      while (!conn.ended && await conn.write(event));
    });
    await using router = await RouterProcess.start(
      `${backendsYaml([`http://127.0.0.1:${peer.port}`])}timeouts: { client_stall: 200ms }\n`,
    );
    using client = await RawClient.connect(router.port);
    const body = JSON.stringify(chat("peer", "hi", { stream: true }));
    await client.write(rawPost(CHAT, body, ["x-request-id: slow"]));
    assertEquals(await told(router, "slow"), [499, "client_stalled", "client_left", "relay"]);
  },
});

Deno.test("promise 6: a client that leaves between two attempts is logged as one that left then", async () => {
  let refused = 0;
  const busy = (conn: PeerConnection): Promise<unknown> => {
    refused++;
    return conn.write(jsonAnswer({ error: "busy" }, { status: "429 Too Many Requests" }));
  };
  await using a = startEnginePeer(busy);
  await using b = startEnginePeer(busy);
  const urls = [a, b].map(({ port }) => `http://127.0.0.1:${port}`);
  await using router = await RouterProcess.start(`${backendsYaml(urls)}retry: { budget: 1 }\n`);
  for (let call = 0;; call++) {
    const id = `gone-${call}`;
    using client = await RawClient.connect(router.port);
    await client.write(rawPost(CHAT, JSON.stringify(chat("peer")), [`x-request-id: ${id}`]));
    const before = refused;
    await until("an engine has refused it", () => refused > before);
    client.close();
    const line = await told(router, id);
    if (line[3] === "backoff") {
      assertEquals(line, [499, "client_closed", "client_left", "backoff"]);
      break;
    }
    assert(call < 20, `never between two attempts, but ${line}`);
  }
});
