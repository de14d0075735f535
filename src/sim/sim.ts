import { Behavior, type FaultName, type FaultOptions } from "./behavior.ts";
import { CallLog, type SimRecord } from "./call_log.ts";
import type { Engine } from "./engine.ts";
import { ClientLeft, type HttpRequest } from "./http_connection.ts";
import { HttpError } from "./http_error.ts";
import type { HttpReply } from "./http_reply.ts";
import { HttpServer } from "./http_server.ts";
import { OpenAiEngine } from "./openai_engine.ts";
import { seededRandom } from "./random.ts";

export { type FaultName, type FaultOptions, FAULTS } from "./behavior.ts";
export type { SimRecord } from "./call_log.ts";

/** How a simulated engine behaves. */
export interface SimOptions {
  /** Address to listen on. Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free one. */
  port?: number;
  /** Names of the models it serves. Default: `sim`. */
  models?: string[];
  /** From a call's turn to its first token, in ms. Default 20. */
  timeToFirstTokenMs?: number;
  /** Tokens per second after the first. Default 200; 0 = as fast as it can. */
  tokensPerSecond?: number;
  /** Answers generated at once, further calls wait in order. Default 0: no limit. */
  concurrency?: number;
  /** Share of each delay that is left to chance, 0 to 1. Default 0. */
  jitter?: number;
  /** Decides texts, delays and which calls a fault hits. Default 1. */
  seed?: number;
  /** Tokens of an answer to a call without `max_tokens`. Default 16. */
  maxTokens?: number;
  /** When set, everything but `/health` needs `authorization: Bearer <key>`. */
  apiKey?: string;
  /** A connection on which no request arrives for so long is closed, in ms. Default 5000. */
  idleCloseMs?: number;
  /** Connections are refused for so long first, as while a model loads, in ms. Default 0. */
  loadMs?: number;
  /** The fault in force from the start. Default `none`. */
  fault?: FaultName;
  /** Share of the calls that the fault hits, 0 to 1. Default 1. */
  faultRate?: number;
  /** Tokens sent before a fault in mid-stream. Default 3. */
  faultAfter?: number;
}

/** A simulated OpenAI engine on a port of its own: one and the same for demo, tests and benchmark. */
export class Sim {
  readonly #host: string;
  readonly #server: HttpServer;
  readonly #engine: Engine;
  readonly #behavior: Behavior;
  readonly #log = new CallLog();
  #active = 0;
  #healthChecks = 0;
  #whenIdle: (() => void)[] = [];
  #loading: ReturnType<typeof setTimeout> | undefined;

  /** Starts one; throws what `Deno.listen` throws, for example `Deno.errors.AddrInUse`. */
  static start(options: SimOptions = {}): Sim {
    return new Sim(options);
  }

  private constructor(options: SimOptions) {
    const seed = options.seed ?? 1;
    this.#host = options.host ?? "127.0.0.1";
    this.#behavior = new Behavior(seededRandom(seed));
    this.#engine = new OpenAiEngine({
      models: options.models ?? ["sim"],
      timeToFirstTokenMs: options.timeToFirstTokenMs ?? 20,
      tokensPerSecond: options.tokensPerSecond ?? 200,
      concurrency: options.concurrency ?? 0,
      jitter: options.jitter ?? 0,
      seed,
      maxTokens: options.maxTokens ?? 16,
      apiKey: options.apiKey,
    });
    this.#server = new HttpServer({
      host: this.#host,
      port: options.port ?? 0,
      idleCloseMs: options.idleCloseMs ?? 5000,
      handle: (request, reply) => this.#handle(request, reply),
      exact: () => this.#behavior.fault === "reset",
    });
    if (options.loadMs) {
      this.#server.pause();
      this.#loading = setTimeout(() => {
        this.#loading = undefined;
        this.#applyRefusal();
      }, options.loadMs);
    }
    const { fault = "none", faultRate: rate, faultAfter: after } = options;
    this.setFault(fault, { rate, after });
  }

  /** The port it listens on. */
  get port(): number {
    return this.#server.port;
  }

  /** Where it can be reached from this machine, without a slash at the end. */
  get url(): string {
    const host = { "0.0.0.0": "127.0.0.1", "::": "::1" }[this.#host] ?? this.#host;
    return `http://${host.includes(":") ? `[${host}]` : host}:${this.port}`;
  }

  /** The last 10 000 POSTs in the order their bodies were read, running ones too. */
  get calls(): readonly SimRecord[] {
    return this.#log.calls;
  }

  /** POSTs that are being answered now, without those that wait for their turn. */
  get running(): number {
    return this.#active - this.#engine.waiting;
  }

  /** POSTs that wait for their turn. */
  get waiting(): number {
    return this.#engine.waiting;
  }

  /** How often `/health` was asked for. */
  get healthChecks(): number {
    return this.#healthChecks;
  }

  /** Puts a fault in force for the calls that come from now on; `none` ends it. */
  setFault(fault: FaultName, options: FaultOptions = {}): void {
    this.#behavior.set(fault, options);
    this.#applyRefusal();
  }

  /** Resolved as soon as no POST is running or waiting, so every record has its end. */
  idle(): Promise<void> {
    if (this.#active === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Closes the listener and every connection, whatever it is doing. */
  async stop(): Promise<void> {
    clearTimeout(this.#loading);
    await this.#server.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #applyRefusal(): void {
    if (this.#behavior.fault === "refuse") this.#server.pause();
    else if (this.#loading === undefined) this.#server.resume();
  }

  async #handle(request: HttpRequest, reply: HttpReply): Promise<void> {
    if (request.method === "POST") return await this.#handlePost(request, reply);
    const body = new TextDecoder().decode(await request.body());
    if (/^(\/v1)?\/health$/.test(request.path)) this.#healthChecks++;
    const fault = this.#behavior.fault;
    await this.#engine.answer({ ...request, body, fault, after: 0 }, reply);
  }

  async #handlePost(request: HttpRequest, reply: HttpReply): Promise<void> {
    const { method, path, headers } = request;
    const record: SimRecord = { method, path, headers, body: "", startedAt: Date.now() };
    const fault = this.#behavior.draw();
    const { after } = this.#behavior;
    this.#active++;
    try {
      try {
        const bytes = await request.body({ leaveLastByte: fault === "reset" });
        record.body = new TextDecoder().decode(bytes);
      } finally {
        this.#log.add(record);
      }
      const call = { method, path, headers, body: record.body, fault, after };
      record.ended = await this.#engine.answer(call, reply);
    } catch (error) {
      record.ended = endedBy(error);
      throw error;
    } finally {
      record.endedAt = Date.now();
      this.#active--;
      if (this.#active === 0) { for (const resolve of this.#whenIdle.splice(0)) resolve(); }
    }
  }
}

function endedBy(error: unknown): SimRecord["ended"] {
  if (error instanceof ClientLeft) return "client_left";
  // Answered, if only by a 400.
  return error instanceof HttpError ? "completed" : "fault";
}
