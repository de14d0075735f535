import { breakOff, breaksMidStream, failEarly, sendWhole, SLOW_HEALTH_MS } from "./call_faults.ts";
import { embeddings } from "./embeddings.ts";
import type { Engine, EngineCall, EngineEnd } from "./engine.ts";
import { hexId } from "./hex_id.ts";
import type { HttpReply } from "./http_reply.ts";
import * as openai from "./openai.ts";
import { Pace, pause, stall } from "./pace.ts";
import { seededRandom, seedFrom } from "./random.ts";
import { BadParameter, isObject, readTextRequest, type TextRequest } from "./text_request.ts";
import { answerTo } from "./text.ts";
import { Turns } from "./turns.ts";

/** How the engine answers. */
export interface OpenAiEngineOptions {
  models: readonly string[];
  timeToFirstTokenMs: number;
  tokensPerSecond: number;
  /** Answers generated at once; 0 = no limit. */
  concurrency: number;
  jitter: number;
  seed: number;
  /** Length of an answer nobody limited, in tokens. */
  maxTokens: number;
  /** With it, everything but `/health` asks for it. */
  apiKey?: string;
}

const TEXT_PATHS: Record<string, openai.TextKind> = {
  "/chat/completions": "chat",
  "/completions": "completion",
};

// Answered only so that one can see where a call went.
const ECHO_PATHS = new Set(
  ("/rerank /score /responses /messages /messages/count_tokens /tokenize /detokenize /classify " +
    "/images/generations /audio/speech").split(" "),
);

/** An engine that answers as OpenAI does, and vLLM. */
export class OpenAiEngine implements Engine {
  /** It does not work in steps. */
  readonly steps = 0;
  /** Nothing kills it. */
  readonly healthy = true;
  readonly #options: OpenAiEngineOptions;
  readonly #turns: Turns;
  readonly #createdAt = seconds();
  #answers = 0;

  constructor(options: OpenAiEngineOptions) {
    this.#options = options;
    this.#turns = new Turns(options.concurrency);
  }

  /** Calls that wait for their turn. */
  get waiting(): number {
    return this.#turns.waiting;
  }

  /** Answers one request. Rejects with the reply's signal's reason once nobody waits for it. */
  async answer(call: EngineCall, reply: HttpReply): Promise<EngineEnd> {
    const path = call.path.replace(/^\/v1(?=\/)/, "");
    if (call.method === "GET" && path === "/health") return await this.#health(call, reply);
    const failed = call.method === "POST"
      ? await failEarly(call, { reply, body: failure })
      : undefined;
    if (failed !== undefined) return failed;
    const { apiKey } = this.#options;
    if (apiKey && call.headers.authorization !== `Bearer ${apiKey}`) {
      return await refuse(reply, 401, {
        message: "Incorrect API key provided",
        type: "invalid_request_error",
        code: "invalid_api_key",
      });
    }
    if (call.method === "GET" && path === "/models") return await this.#models(reply);
    if (call.method === "POST") return await this.#post(path, call, reply);
    return await notFound(reply, call);
  }

  setFault(): void {
    // All its faults are those of single calls.
  }

  restart(): void {
    // It remembers nothing.
  }

  stop(): void {
    // It does nothing but answer calls, and these end with their connections.
  }

  async #health(call: EngineCall, reply: HttpReply): Promise<EngineEnd> {
    if (call.fault === "slow_health") await pause(SLOW_HEALTH_MS, reply.signal);
    const failing = call.fault === "fail_health";
    const body = JSON.stringify({ status: failing ? "unhealthy" : "healthy" });
    await reply.whole({ status: failing ? 503 : 200, body });
    return "completed";
  }

  async #models(reply: HttpReply): Promise<EngineEnd> {
    const data = this.#options.models.map((id) => ({
      id,
      object: "model",
      created: this.#createdAt,
      owned_by: "sim",
    }));
    await reply.whole({ status: 200, body: JSON.stringify({ object: "list", data }) });
    return "completed";
  }

  async #post(path: string, call: EngineCall, reply: HttpReply): Promise<EngineEnd> {
    const kind = TEXT_PATHS[path];
    if (kind === undefined && path !== "/embeddings" && !ECHO_PATHS.has(path)) {
      return await notFound(reply, call);
    }
    const body = parseObject(call.body);
    if (body === undefined) {
      const message = "The body is not a JSON object";
      return await refuse(reply, 400, { message, type: "invalid_request_error" });
    }
    // As vLLM, which serves its model to whoever names none.
    const model = body.model ?? this.#options.models[0];
    if (typeof model !== "string" || !this.#options.models.includes(model)) {
      return await refuse(reply, 404, {
        message: `The model '${String(model)}' does not exist`,
        type: "invalid_request_error",
        param: "model",
        code: "model_not_found",
      });
    }
    if (kind !== undefined) return await this.#text({ kind, model, body, call }, reply);
    const answer = path === "/embeddings"
      ? embeddings(body.input, { model, seed: this.#options.seed })
      : { object: "echo", path: call.path, model };
    return await sendWhole(call, { reply, answer: { status: 200, body: JSON.stringify(answer) } });
  }

  async #text(
    asked: {
      kind: openai.TextKind;
      model: string;
      body: Record<string, unknown>;
      call: EngineCall;
    },
    reply: HttpReply,
  ): Promise<EngineEnd> {
    let request: TextRequest;
    try {
      request = readTextRequest(asked.kind, asked.body);
    } catch (error) {
      if (!(error instanceof BadParameter)) throw error;
      const { message, param } = error;
      return await refuse(reply, 400, { message, type: "invalid_request_error", param });
    }
    const identity: openai.TextIdentity = {
      kind: asked.kind,
      id: hexId({ seed: this.#options.seed, number: this.#answers++, length: 24 }),
      created: seconds(),
      model: asked.model,
      usageField: request.includeUsage,
    };
    // The head goes out before the call's turn comes, as with engines that queue inside.
    if (request.stream) await reply.beginEvents();
    const endTurn = await this.#turns.take(reply.signal);
    try {
      return await this.#generate({ request, identity, call: asked.call }, reply);
    } finally {
      endTurn();
    }
  }

  async #generate(
    work: { request: TextRequest; identity: openai.TextIdentity; call: EngineCall },
    reply: HttpReply,
  ): Promise<EngineEnd> {
    const { request, identity, call } = work;
    const { seed, maxTokens } = this.#options;
    if (request.stream && call.fault === "stall_after_head") return await stall(reply.signal);
    const answer = answerTo({ ...request, naturalLength: maxTokens, seed });
    const usage: openai.Usage = {
      prompt_tokens: request.promptTokens,
      completion_tokens: answer.tokens.length,
      total_tokens: request.promptTokens + answer.tokens.length,
    };
    const pace = new Pace({
      ...this.#options,
      random: seededRandom(seedFrom(seed, identity.id)),
      signal: reply.signal,
    });
    if (!request.stream) {
      await pace.until(Math.max(0, answer.tokens.length - 1));
      const body = openai.wholeBody(identity, { answer, usage });
      return await sendWhole(call, { reply, answer: { status: 200, body } });
    }
    const breaks = breaksMidStream(call);
    const sent = breaks ? answer.tokens.slice(0, call.after) : answer.tokens;
    await pace.until(0);
    if (identity.kind === "chat") await reply.event(openai.roleChunk(identity));
    for (const [index, token] of sent.entries()) {
      await pace.until(index);
      await reply.event(openai.tokenChunk(identity, token));
      // Writes that never wait would keep everyone else, a leaving client too, from being heard.
      if (index % 64 === 63) await pause(0, reply.signal);
    }
    if (breaks) return await breakOff(call, reply);
    await reply.event(openai.lastChunk(identity, answer.finishReason));
    if (request.includeUsage) await reply.event(openai.usageChunk(identity, usage));
    await reply.event("[DONE]");
    await reply.endEvents();
    return "completed";
  }
}

function failure(message: string, type: string): string {
  return openai.errorBody({ message, type, code: type });
}

async function refuse(
  reply: HttpReply,
  status: number,
  error: openai.OpenAiError,
): Promise<EngineEnd> {
  await reply.whole({ status, body: openai.errorBody(error) });
  return "completed";
}

function notFound(reply: HttpReply, call: EngineCall): Promise<EngineEnd> {
  const message = `Invalid URL (${call.method} ${call.path})`;
  return refuse(reply, 404, { message, type: "invalid_request_error", code: "not_found" });
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
