import { Behavior, type FaultName, type FaultOptions, INFINILM_FAULTS } from "./behavior.ts";
import { CallLog, type SimRecord } from "./call_log.ts";
import type { Engine } from "./engine.ts";
import { ClientLeft, type HttpRequest } from "./http_connection.ts";
import { HttpError } from "./http_error.ts";
import type { HttpReply } from "./http_reply.ts";
import { HttpServer } from "./http_server.ts";
import { newEngine } from "./new_engine.ts";
import { seededRandom } from "./random.ts";
import type { EngineKind, SimOptions } from "./sim_options.ts";
import { UVICORN } from "./uvicorn.ts";

export { type FaultName, type FaultOptions, FAULTS, INFINILM_FAULTS } from "./behavior.ts";
export type { SimRecord } from "./call_log.ts";
export type { EngineKind, SimOptions } from "./sim_options.ts";

/** A simulated engine on a port of its own: one and the same for demo, tests and benchmark. */
export class Sim {
  readonly #host: string;
  readonly #kind: EngineKind;
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
    this.#host = options.host ?? "127.0.0.1";
    this.#kind = options.engine ?? "openai";
    assertHas(this.#kind, options.fault ?? "none"); // before there is anything to be closed again
    this.#behavior = new Behavior(seededRandom(options.seed ?? 1));
    this.#engine = newEngine(options);
    this.#server = new HttpServer({
      host: this.#host,
      port: options.port ?? 0,
      idleCloseMs: options.idleCloseMs ?? 5000,
      handle: (request, reply) => this.#handle(request, reply),
      exact: () => this.#behavior.fault === "reset",
      manner: this.#kind === "infinilm" ? UVICORN : undefined,
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

  /** Steps that InfiniLM's engine has computed: each a prefill, or a token for some answers. */
  get steps(): number {
    return this.#engine.steps;
  }

  /** How often `/health` was asked for. */
  get healthChecks(): number {
    return this.#healthChecks;
  }

  /**
   * Puts a fault in force for the calls that come from now on; `none` ends it. An engine that has
   * died, by a fault or by a call, comes back with `none` as after a restart: every connection
   * is cut and nothing is cached.
   */
  setFault(fault: FaultName, options: FaultOptions = {}): void {
    assertHas(this.#kind, fault);
    this.#behavior.set(fault, options);
    this.#engine.setFault(fault);
    const restarts = fault === "none" && !this.#engine.healthy;
    if (restarts) this.#engine.restart();
    this.#applyRefusal();
    if (fault === "out_of_memory" || restarts) this.#server.cut();
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
    this.#engine.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #applyRefusal(): void {
    const { fault } = this.#behavior;
    if (fault === "refuse" || fault === "out_of_memory") this.#server.pause();
    else if (this.#loading === undefined) this.#server.resume();
  }

  async #handle(request: HttpRequest, reply: HttpReply): Promise<void> {
    if (request.method === "POST") return await this.#handlePost(request, reply);
    const bytes = await request.body();
    const body = new TextDecoder().decode(bytes);
    if (/^(\/v1)?\/health$/.test(request.path)) this.#healthChecks++;
    const fault = this.#behavior.fault;
    await this.#engine.answer({ ...request, bytes, body, fault, after: 0 }, reply);
  }

  async #handlePost(request: HttpRequest, reply: HttpReply): Promise<void> {
    const { method, target, path, headers } = request;
    const record: SimRecord = { method, path, headers, body: "", startedAt: Date.now() };
    const fault = this.#behavior.draw();
    const { after } = this.#behavior;
    this.#active++;
    try {
      let bytes: Uint8Array;
      try {
        bytes = await request.body({ leaveLastByte: fault === "reset" });
        record.body = new TextDecoder().decode(bytes);
      } finally {
        this.#log.add(record);
      }
      const { body } = record;
      const computed = (tokens: number): void => void (record.computedTokens = tokens);
      const call = { method, target, path, headers, body, bytes, fault, after, computed };
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

function assertHas(engine: EngineKind, fault: FaultName): void {
  if (engine === "infinilm" || !INFINILM_FAULTS.some(({ name }) => name === fault)) return;
  throw new Error(`The fault ${fault} needs engine "infinilm", this one is "${engine}"`);
}

function endedBy(error: unknown): SimRecord["ended"] {
  if (error instanceof ClientLeft) return "client_left";
  // Answered, if only by a 400.
  return error instanceof HttpError ? "completed" : "fault";
}
