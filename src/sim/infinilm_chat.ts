import { breakOff, breaksMidStream, sendWhole } from "./call_faults.ts";
import type { EngineCall, EngineEnd } from "./engine.ts";
import { Generation, type Piece } from "./generation.ts";
import type { HttpReply } from "./http_reply.ts";
import {
  chunk,
  completion,
  errorBody,
  errorChunk,
  type InfiniLmFinish,
  type InfiniLmIdentity,
} from "./infinilm_forms.ts";
import { readPrompt } from "./infinilm_prompt.ts";
import { readSampling } from "./infinilm_request.ts";
import { modelTokens } from "./model_tokens.ts";
import { stall } from "./pace.ts";
import { PythonError } from "./python_values.ts";
import type { StepLoop } from "./step_loop.ts";

/** What all chats of an engine have in common. */
export interface ChatOptions {
  seed: number;
  /** The server's `max_tokens` for calls that say nothing. */
  maxTokens: number;
  /** Tokens after which the model ends by itself; 0 = never. */
  eosAfter: number;
  /** A call that takes longer ends with `timeout`. */
  requestTimeoutMs: number;
  /** How often that is looked at while no token comes. */
  tokenTimeoutMs: number;
  /** A steady clock in ms. */
  now: () => number;
}

/** A chat that has been read as far as the server does before it answers. */
export interface Chat {
  call: EngineCall;
  body: Record<string, unknown>;
  messages: unknown;
  identity: InfiniLmIdentity;
  loop: StepLoop;
}

/** Streams an answer. The 200 goes out before anything is looked at, so errors come inside. */
export async function streamChat(
  chat: Chat,
  { reply, options }: { reply: HttpReply; options: ChatOptions },
): Promise<EngineEnd> {
  const { call, identity } = chat;
  await reply.beginEvents();
  if (call.fault === "stall_after_head") return await stall(reply.signal);
  const breaks = breaksMidStream(call);
  let sent = 0;
  try {
    const generation = begin(chat, { stream: true, options });
    for await (const piece of follow(generation, { chat, signal: reply.signal, options })) {
      if (breaks && (sent === call.after || piece.finishReason)) return await breakOff(call, reply);
      if (piece.text !== "") {
        await reply.event(chunk(identity, { text: piece.text }));
        sent++;
      }
      if (piece.finishReason) await reply.event(lastChunk(identity, piece.finishReason));
    }
  } catch (error) {
    if (!(error instanceof PythonError)) throw error;
    await reply.event(errorChunk(identity, error.message));
  }
  await reply.event("[DONE]");
  await reply.endEvents();
  return "completed";
}

/** Gives an answer whole. */
export async function wholeChat(
  chat: Chat,
  { reply, options }: { reply: HttpReply; options: ChatOptions },
): Promise<EngineEnd> {
  const { call, identity } = chat;
  let text = "";
  let finishReason: InfiniLmFinish = "stop";
  try {
    const generation = begin(chat, { stream: false, options });
    for await (const piece of follow(generation, { chat, signal: reply.signal, options })) {
      text += piece.text;
      finishReason = piece.finishReason ?? finishReason;
    }
    const body = completion(identity, {
      text: text.trim(),
      finishReason,
      promptTokens: generation.promptTokens.length,
      completionTokens: generation.generatedTokens,
    });
    return await sendWhole(call, { reply, answer: { status: 200, body } });
  } catch (error) {
    if (!(error instanceof PythonError)) throw error;
    await reply.whole({ status: 500, body: errorBody(error.message) });
    return "completed";
  }
}

/** Hands a call to the engine. Throws a `PythonError` for what cannot be read. */
function begin(
  { body, messages, loop }: Chat,
  { stream, options }: { stream: boolean; options: ChatOptions },
): Generation {
  const sampling = readSampling(body, { maxTokens: options.maxTokens });
  const prompt = readPrompt(messages, { addGenerationPrompt: body.add_generation_prompt });
  const asked = { prompt: prompt.text, lastMessage: prompt.lastMessage, seed: options.seed };
  const generation = new Generation({
    ...sampling,
    promptTokens: prompt.tokens,
    stream,
    model: modelTokens(asked, options),
  });
  loop.add(generation);
  return generation;
}

/** What the engine says, to the end; leaving early tells the engine so. */
async function* follow(
  generation: Generation,
  { chat, signal, options }: { chat: Chat; signal: AbortSignal; options: ChatOptions },
): AsyncGenerator<Piece> {
  const { now, requestTimeoutMs, tokenTimeoutMs: withinMs } = options;
  const startedAt = now();
  let expired = false;
  try {
    for (;;) {
      if (!expired && now() - startedAt > requestTimeoutMs) {
        expired = true;
        chat.loop.expire(generation);
      }
      await generation.pieces.arrival({ withinMs, signal });
      const piece = generation.pieces.take();
      if (piece !== undefined) yield piece;
      if (piece?.finishReason !== undefined) return;
    }
  } finally {
    chat.loop.leave(generation);
    if (generation.computedTokens !== undefined) chat.call.computed?.(generation.computedTokens);
  }
}

function lastChunk(identity: InfiniLmIdentity, finishReason: InfiniLmFinish): string {
  const text = finishReason === "timeout" ? "[Request timeout]" : undefined;
  return chunk(identity, { text, finishReason });
}
