import type { TextKind } from "./openai.ts";
import { tokenize } from "./text.ts";

/** What the engine needs to know of a call for text. */
export interface TextRequest {
  /** All that the model reads, as one text. */
  prompt: string;
  promptTokens: number;
  /** The last user message, or the prompt. */
  lastMessage: string;
  maxTokens?: number;
  stop: string[];
  stream: boolean;
  includeUsage: boolean;
}

/** A parameter that the engine cannot accept. */
export class BadParameter extends Error {
  /** Its name. */
  readonly param: string;

  constructor(param: string, message: string) {
    super(message);
    this.name = "BadParameter";
    this.param = param;
  }
}

/** Reads the parameters of a call; throws `BadParameter`. `n` and the sampling ones are ignored. */
export function readTextRequest(kind: TextKind, body: Record<string, unknown>): TextRequest {
  const messages = kind === "chat" ? readMessages(body.messages) : readPrompt(body.prompt);
  const options = isObject(body.stream_options) ? body.stream_options : {};
  return {
    ...messages,
    maxTokens: readMaxTokens(body),
    stop: readStop(body.stop),
    stream: body.stream === true,
    includeUsage: options.include_usage === true,
  };
}

/** Whether it is a JSON object, not an array and not null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type Prompt = Pick<TextRequest, "prompt" | "promptTokens" | "lastMessage">;

function readMessages(value: unknown): Prompt {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isObject)) {
    throw new BadParameter("messages", "'messages' must be a non-empty array of objects");
  }
  const texts = value.map((message) => contentText(message.content));
  const lastUser = value.findLastIndex((message) => message.role === "user");
  const prompt = texts.join("\n");
  return { prompt, promptTokens: count(texts), lastMessage: texts[lastUser] ?? "" };
}

/** The text of a message, or of its text parts. */
function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part) => isObject(part) && typeof part.text === "string" ? part.text : "")
    .join("");
}

/** A text, a list of texts, token ids, or a list of lists of these; the answer is one all the same. */
function readPrompt(value: unknown): Prompt {
  const parts = Array.isArray(value) ? value.flat() : [value];
  if (!parts.every((part) => typeof part === "string" || typeof part === "number")) {
    throw new BadParameter("prompt", "'prompt' must be a string, or an array of strings or tokens");
  }
  // A bare number is a token id only inside a list.
  if (typeof value === "number" || parts.length === 0) {
    throw new BadParameter("prompt", "'prompt' must be a string, or an array of strings or tokens");
  }
  const texts = parts.map(String);
  const prompt = texts.join("\n");
  return { prompt, promptTokens: count(texts), lastMessage: prompt };
}

function count(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + tokenize(text).length, 0);
}

function readMaxTokens(body: Record<string, unknown>): number | undefined {
  for (const param of ["max_completion_tokens", "max_tokens"]) {
    const value = body[param];
    if (value === undefined || value === null) continue;
    if (typeof value === "number" && Number.isInteger(value) && value >= 1) return value;
    throw new BadParameter(param, `'${param}' must be an integer, at least 1`);
  }
  return undefined;
}

function readStop(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  const stops: unknown[] = Array.isArray(value) ? value : [value];
  if (stops.every((stop) => typeof stop === "string")) return stops;
  throw new BadParameter("stop", "'stop' must be a string or an array of strings");
}
