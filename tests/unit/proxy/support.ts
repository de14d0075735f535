import { createRoutes } from "../../../src/api/routes.ts";
import { Queue } from "../../../src/admission/queue.ts";
import type { Config } from "../../../src/config/config.ts";
import type { Log, LogFields } from "../../../src/observe/log.ts";
import { accessLog } from "../../../src/observe/access_log.ts";
import type { RequestRecord } from "../../../src/observe/request_record.ts";
import { byModel } from "../../../src/policy/by_model.ts";
import { createLeastLoad } from "../../../src/policy/least_load.ts";
import type { House } from "../../../src/proxy/house.ts";
import { SignalPeer } from "../../../src/door/signal_peer.ts";
import { HeldBytes } from "../../../src/admission/held_bytes.ts";
import { PoisonMemory } from "../../../src/proxy/poison_memory.ts";
import type { RetryBudget } from "../../../src/proxy/retry_budget.ts";
import { IgnoredNotes } from "../../../src/proxy/ignored_notes.ts";
import { SharedTimer } from "../../../src/proxy/shared_timer.ts";
import { OneAtATime } from "../../../src/proxy/one_at_a_time.ts";
import { OpenCalls } from "../../../src/admission/open_calls.ts";
import type { BackendSpec } from "../../../src/registry/backend.ts";
import { Registry } from "../../../src/registry/registry.ts";
import { UpstreamClient } from "../../../src/upstream/client.ts";
import { newBackend, type TestBackend } from "../../contract/backends.ts";
import { type PeerConnection, type PeerScript, RawPeer } from "../../support/raw_peer.ts";

export const CHAT = '{"model":"m","messages":[{"role":"user","content":"x"}]}';
export const STREAM = '{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}';

export interface HouseOptions {
  attempts?: number;
  ambiguous?: "once" | "never";
  timeouts?: Partial<Config["timeouts"]>;
  maxEvent?: number;
  specs?: Partial<BackendSpec>[];
  budget?: RetryBudget;
  poisonMemoryMs?: number;
  /** Calls that may wait. Default: none. */
  queue?: number;
}

/** A router without a listener, in front of scripted peers named `b0`, `b1`, and so on. */
export class TestHouse implements AsyncDisposable {
  readonly peers: RawPeer[];
  readonly backends: TestBackend[];
  /** The fields of every line in the log. */
  readonly log: LogFields[] = [];
  readonly records: RequestRecord[] = [];
  readonly #clients: Map<unknown, UpstreamClient>;
  readonly #house: House;
  readonly #handler: (request: Request) => Response | Promise<Response>;

  constructor(scripts: readonly PeerScript[], options: HouseOptions = {}) {
    this.peers = scripts.map((script) => RawPeer.start(script));
    this.backends = this.peers.map((_, index) => newBackend(`b${index}`, options.specs?.[index]));
    this.#clients = new Map(this.backends.map((backend, index) => [
      backend,
      new UpstreamClient({ host: "127.0.0.1", port: this.peers[index]!.port }),
    ]));
    const registry = new Registry(() => Date.now());
    registry.apply(this.backends);
    const write = (message: string, fields: LogFields = {}): void =>
      void this.log.push({ message, ...fields });
    const log: Log = {
      debug: write,
      info: write,
      warn: write,
      error: write,
      line: (_level, message, fields) => write(message, fields),
      isEnabledFor: () => true,
    };
    const house: House = {
      id: "router-1",
      config: {
        timeouts: {
          connectMs: 10_000,
          requestMs: 60_000,
          idleMs: 60_000,
          totalMs: null,
          clientStallMs: options.timeouts?.idleMs ?? 60_000,
          ...options.timeouts,
        },
        stream: { keepAliveMs: null },
        retry: { attempts: options.attempts ?? 3, ambiguous: options.ambiguous ?? "once" },
        limits: { maxBody: 1 << 20, maxEvent: options.maxEvent ?? 1 << 20 },
        requests: { validate: true, defaultModel: undefined, unknownPaths: "refuse" },
        upstreamCompression: "identity",
        cors: { origins: [] as string[] },
        errors: { format: "text" },
      } as Config,
      registry,
      policyOf: byModel(createLeastLoad),
      queue: new Queue({
        registry,
        size: options.queue ?? 0,
        timeoutMs: 60_000,
        now: () => Date.now(),
      }),
      poison: new PoisonMemory({
        refusedMs: options.poisonMemoryMs ?? 600_000,
        now: () => Date.now(),
      }),
      budget: options.budget ?? { call: () => {}, take: () => 0 },
      sinks: [accessLog(log), (record) => void this.records.push(record)],
      clientOf: (backend) => this.#clients.get(backend)!,
      log,
      openCalls: new OpenCalls(100),
      largeBodies: new OneAtATime(),
      heldBytes: new HeldBytes(1 << 24),
      ignoredNotes: new IgnoredNotes(log),
      requestTimer: new SharedTimer(options.timeouts?.requestMs ?? 60_000, () => Date.now()),
      now: () => Date.now(), // so that FakeTime fakes it, too
    };
    const routes = createRoutes({
      house: () => house,
      draining: () => false,
      sources: () => [],
      wallNow: Date.now,
      createRequestId: () => "made-1",
    });
    this.#house = house;
    this.#handler = (request) => routes(request, new SignalPeer("10.0.0.9", request.signal));
  }

  /** Sends a request through the door, as the server would. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("host", "router");
    if (typeof init.body === "string") {
      headers.set("content-length", String(new TextEncoder().encode(init.body).length));
    }
    return await this.#handler(new Request(`http://router${path}`, { ...init, headers }));
  }

  post(body: string = CHAT, init: RequestInit = {}): Promise<Response> {
    return this.fetch("/v1/chat/completions", { method: "POST", body, ...init });
  }

  /** How many requests each peer has read. */
  get asked(): number[] {
    return this.peers.map(({ requests }) => requests.length);
  }

  get inFlight(): number[] {
    return this.backends.map(({ inFlight }) => inFlight);
  }

  /** What was recorded about each backend. */
  get outcomes(): unknown[][] {
    return this.backends.map(({ gate }) => gate.records);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#house.requestTimer.stop();
    for (const client of this.#clients.values()) client.close();
    for (const peer of this.peers) await peer[Symbol.asyncDispose]();
  }
}

/** A whole answer with a length. */
export function answer(status: number, body = "{}", type = "application/json"): string {
  const length = new TextEncoder().encode(body).length;
  return `HTTP/1.1 ${status} X\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n${body}`;
}

/** A peer that gives this answer to every request. */
export function always(text: string): PeerScript {
  return async (conn) => {
    while (await conn.readRequest()) await conn.write(text);
  };
}

/** A peer that reads a request and goes away without a word. */
export async function leaves(conn: PeerConnection): Promise<void> {
  await conn.readRequest();
  conn.close();
}

/** A peer that reads requests and says nothing. */
export async function silent(conn: PeerConnection): Promise<void> {
  while (await conn.readRequest());
}
