import type { FaultName } from "./behavior.ts";
import { failEarly, SLOW_HEALTH_MS } from "./call_faults.ts";
import type { Engine, EngineCall, EngineEnd } from "./engine.ts";
import { hexId } from "./hex_id.ts";
import type { HttpReply, WholeReply } from "./http_reply.ts";
import { type ChatOptions, streamChat, wholeChat } from "./infinilm_chat.ts";
import { errorBody, modelList } from "./infinilm_forms.ts";
import { messagesOf } from "./infinilm_request.ts";
import { route } from "./infinilm_routes.ts";
import { PagedScheduler } from "./paged_scheduler.ts";
import { pause } from "./pace.ts";
import { parsePythonJson } from "./python_json.ts";
import { isTrue } from "./python_values.ts";
import { seededRandom } from "./random.ts";
import { StaticScheduler } from "./static_scheduler.ts";
import { StepClock } from "./step_clock.ts";
import { StepLoop } from "./step_loop.ts";
import { isObject } from "./text_request.ts";

/** How InfiniLM keeps what it has read: one answer after the other, or many in blocks. */
export type KvCache = "static" | "paged";

/** How the engine answers. */
export interface InfiniLmEngineOptions extends Omit<ChatOptions, "now"> {
  model: string;
  kv: KvCache;
  timeToFirstTokenMs: number;
  prefillTokensPerSecond: number;
  tokensPerSecond: number;
  jitter: number;
  /** A steady clock in ms. Default: `performance.now`. */
  now?: () => number;
}

const INVALID_JSON: WholeReply = { status: 400, body: errorBody("Invalid JSON") };
const NO_MESSAGE: WholeReply = { status: 400, body: errorBody("No message provided") };
const CRASHED: WholeReply = {
  status: 500,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body: "Internal Server Error",
};

/** InfiniLM's own server, as it was measured (InfiniTensor/InfiniLM @ df1a1fd9). */
export class InfiniLmEngine implements Engine {
  readonly #options: InfiniLmEngineOptions;
  readonly #chat: ChatOptions;
  #loop: StepLoop;
  #answers = 0;

  constructor(options: InfiniLmEngineOptions) {
    this.#options = options;
    this.#chat = { now: () => performance.now(), ...options };
    this.#loop = this.#newLoop();
  }

  get waiting(): number {
    return this.#loop.waiting;
  }

  get steps(): number {
    return this.#loop.steps;
  }

  get healthy(): boolean {
    return this.#loop.healthy;
  }

  setFault(fault: FaultName): void {
    if (fault === "hung_step") this.#loop.hang();
    else this.#loop.release();
    if (fault === "dead_engine" || fault === "out_of_memory") this.#loop.die();
  }

  restart(): void {
    this.#loop.die();
    this.#loop = this.#newLoop();
  }

  stop(): void {
    this.#loop.die();
  }

  async answer(call: EngineCall, reply: HttpReply): Promise<EngineEnd> {
    const failed = call.method === "POST"
      ? await failEarly(call, { reply, body: errorBody })
      : undefined;
    if (failed !== undefined) return failed;
    const routed = route(call);
    if ("refusal" in routed) return await send(reply, routed.refusal);
    if (call.method === "POST") return await this.#post(call, reply);
    if (routed.path === "/health") return await this.#health(call, reply);
    return await send(reply, pageOf(routed.path, this.#options.model));
  }

  async #health(call: EngineCall, reply: HttpReply): Promise<EngineEnd> {
    if (call.fault === "slow_health") await pause(SLOW_HEALTH_MS, reply.signal);
    const healthy = this.healthy && call.fault !== "fail_health";
    const body = JSON.stringify({ status: healthy ? "healthy" : "unhealthy" });
    return await send(reply, { status: healthy ? 200 : 503, body });
  }

  async #post(call: EngineCall, reply: HttpReply): Promise<EngineEnd> {
    let body: unknown;
    try {
      body = parsePythonJson(call.bytes);
    } catch {
      return await send(reply, INVALID_JSON);
    }
    if (!isObject(body)) return await send(reply, CRASHED);
    const messages = messagesOf(body);
    if (messages === undefined) return await send(reply, NO_MESSAGE);
    const { seed } = this.#options;
    const identity = {
      id: `cmpl-${hexId({ seed, number: this.#answers++, length: 32 })}`,
      model: this.#options.model,
    };
    const chat = { call, body, messages, identity, loop: this.#loop };
    const to = { reply, options: this.#chat };
    return isTrue(body.stream) ? await streamChat(chat, to) : await wholeChat(chat, to);
  }

  #newLoop(): StepLoop {
    const { kv, seed } = this.#options;
    return new StepLoop({
      scheduler: kv === "static" ? new StaticScheduler() : new PagedScheduler(),
      clock: new StepClock({ ...this.#options, random: seededRandom(seed) }),
    });
  }
}

async function send(reply: HttpReply, answer: WholeReply): Promise<EngineEnd> {
  await reply.whole(answer);
  return "completed";
}

/** The models, and FastAPI's own pages, of which only the being there matters. */
function pageOf(path: string, model: string): WholeReply {
  if (path.endsWith("/models")) return { status: 200, body: modelList(model) };
  if (path === "/openapi.json") {
    const info = { title: "FastAPI", version: "0.1.0" };
    return { status: 200, body: JSON.stringify({ openapi: "3.1.0", info, paths: {} }) };
  }
  const headers = { "content-type": "text/html; charset=utf-8" };
  return { status: 200, headers, body: "<!DOCTYPE html><title>FastAPI</title>" };
}
