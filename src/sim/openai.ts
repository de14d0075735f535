import type { Answer } from "./text.ts";

/** The two endpoints that generate text. */
export type TextKind = "chat" | "completion";

/** Token counts as OpenAI reports them. */
export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

/** What all parts of one answer have in common. */
export interface TextIdentity {
  kind: TextKind;
  /** Unique part of the answer's id. */
  id: string;
  /** Seconds since 1970. */
  created: number;
  model: string;
  /** With it, every chunk has a `usage` field, as OpenAI does it for `include_usage`. */
  usageField?: boolean;
}

/** An error in OpenAI's shape. */
export interface OpenAiError {
  message: string;
  type: string;
  param?: string;
  code?: string;
}

/** The body of an error. */
export function errorBody(error: OpenAiError): string {
  const { message, type, param = null, code = null } = error;
  return JSON.stringify({ error: { message, type, param, code } });
}

/** The body of a whole answer. */
export function wholeBody(
  identity: TextIdentity,
  result: { answer: Answer; usage: Usage },
): string {
  const text = result.answer.tokens.join("");
  const finish_reason = result.answer.finishReason;
  const choice = identity.kind === "chat"
    ? { index: 0, message: { role: "assistant", content: text }, logprobs: null, finish_reason }
    : { index: 0, text, logprobs: null, finish_reason };
  const object = identity.kind === "chat" ? "chat.completion" : "text_completion";
  return JSON.stringify({ ...opening(identity, object), choices: [choice], usage: result.usage });
}

/** The chunk that opens a chat; a completion has none. */
export function roleChunk(identity: TextIdentity): string {
  return chunk(identity, { delta: { role: "assistant", content: "" } });
}

/** The chunk of one token. */
export function tokenChunk(identity: TextIdentity, token: string): string {
  return chunk(
    identity,
    identity.kind === "chat" ? { delta: { content: token } } : { text: token },
  );
}

/** The chunk that says why the answer ended. */
export function lastChunk(identity: TextIdentity, finishReason: Answer["finishReason"]): string {
  const content = identity.kind === "chat" ? { delta: {} } : { text: "" };
  return chunk(identity, content, finishReason);
}

/** The chunk with the token counts, after the last one. */
export function usageChunk(identity: TextIdentity, usage: Usage): string {
  return JSON.stringify({ ...opening(identity, chunkObject(identity)), choices: [], usage });
}

function chunk(
  identity: TextIdentity,
  content: Record<string, unknown>,
  finish_reason: Answer["finishReason"] | null = null,
): string {
  const choices = [{ index: 0, ...content, logprobs: null, finish_reason }];
  const usage = identity.usageField ? { usage: null } : {};
  return JSON.stringify({ ...opening(identity, chunkObject(identity)), choices, ...usage });
}

function chunkObject(identity: TextIdentity): string {
  return identity.kind === "chat" ? "chat.completion.chunk" : "text_completion";
}

function opening(identity: TextIdentity, object: string): Record<string, unknown> {
  const prefix = identity.kind === "chat" ? "chatcmpl" : "cmpl";
  return {
    id: `${prefix}-${identity.id}`,
    object,
    created: identity.created,
    model: identity.model,
  };
}
