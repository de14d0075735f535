import type { Shown } from "./client.ts";

/** What is asked for, as any client library can say it. */
export interface Wish {
  readonly kind: "chat" | "completion" | "embedding" | "models" | "model";
  /** Of the one message of a chat, or the prompt of a completion. */
  readonly content?: string | readonly Part[];
  /** The prompts of a completion that has several. */
  readonly prompts?: readonly string[];
  readonly stream?: boolean;
  /** Further members of the body. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** After so many pieces of text the client aborts. */
  readonly leaveAfter?: number;
}

/** Part of a message. */
export type Part =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image_url"; readonly image_url: { readonly url: string } };

/** What a library made of the answer. */
export interface Heard {
  /** The text of each choice. */
  readonly texts?: readonly string[];
  /** Why each ended. */
  readonly finish?: readonly string[];
  /** Tokens of the prompt and of the answer. */
  readonly usage?: readonly number[];
  /** How many vectors came, or which models. */
  readonly list?: readonly string[];
  readonly error?: Shown;
}

/** What must be heard alike of every engine, but for what is said. */
export interface EqualCase {
  readonly holds: string;
  readonly wish: Wish;
  /** What every client is told, whatever the engine. */
  readonly error?: Omit<Shown, "message">;
  /** What clients are told where InfiniLM cannot do it. */
  readonly infinilm?: Omit<Shown, "message">;
}

/** The simulated model says this, then words of its own. */
const ECHO = "echo: one two three four";
const STORY = "Tell me a story";
const text = (value: string): Part => ({ type: "text", text: value });

function invalid(param: string): Omit<Shown, "message"> {
  return { status: 400, code: "invalid_parameter", param };
}

function unsupported(param: string): Omit<Shown, "message"> {
  return { status: 400, code: "unsupported_parameter", param };
}

const REJECTED = { status: 400, code: "engine_rejected" };

/** A temperature at which only the engine looks. */
const BAD_NESTED = { sampling_params: { temperature: "hot" } };
const FILE: Part = { type: "image_url", image_url: { url: "/etc/passwd" } };

function both(holds: string, wish: Wish, rest: Partial<EqualCase> = {}): EqualCase[] {
  return [false, true].map((stream) => ({
    holds: `${holds}, ${stream ? "streamed" : "whole"}`,
    wish: { ...wish, stream },
    ...rest,
  }));
}

export const EQUAL: readonly EqualCase[] = [
  ...both("a chat", { kind: "chat", content: STORY }),
  ...both("a chat in Chinese", { kind: "chat", content: "山东最高的山是？" }),
  ...both("a chat with max_tokens", { kind: "chat", content: STORY, more: { max_tokens: 5 } }),
  ...both("a chat of one token", { kind: "chat", content: STORY, more: { max_tokens: 1 } }),
  ...both("a chat with max_completion_tokens", {
    kind: "chat",
    content: STORY,
    more: { max_completion_tokens: 5 },
  }),
  ...both("a chat with both limits", {
    kind: "chat",
    content: STORY,
    more: { max_tokens: 9, max_completion_tokens: 5 },
  }),
  ...both("a chat with a stop string", { kind: "chat", content: ECHO, more: { stop: " three" } }),
  ...both("a chat with stop strings", {
    kind: "chat",
    content: ECHO,
    more: { stop: [" none", " four"] },
  }),
  ...both("a chat with several text parts", {
    kind: "chat",
    content: [text("Say it."), text(ECHO)],
    more: { stop: " three" },
  }),
  {
    holds: "a chat streamed with usage",
    wish: {
      kind: "chat",
      content: STORY,
      stream: true,
      more: { stream_options: { include_usage: true } },
    },
  },
  ...both("a completion", { kind: "completion", content: STORY }),
  ...both("a completion with max_tokens", {
    kind: "completion",
    content: STORY,
    more: { max_tokens: 5 },
  }),
  ...both("a completion with a stop string", {
    kind: "completion",
    content: ECHO,
    more: { stop: [" three"] },
  }),
  ...both("a list of prompts", { kind: "completion", prompts: [STORY, ECHO, "你好"] }),
  ...both("a list of one prompt", { kind: "completion", prompts: [STORY] }),
  { holds: "the list of models", wish: { kind: "models" } },
  { holds: "one of the models", wish: { kind: "model" } },

  ...both("a temperature that is none", {
    kind: "chat",
    content: STORY,
    more: { temperature: "hot" },
  }, { error: invalid("temperature") }),
  ...both("a stop that is none", { kind: "chat", content: STORY, more: { stop: 5 } }, {
    error: invalid("stop"),
  }),
  ...both("a stop that is none, of a completion", {
    kind: "completion",
    content: STORY,
    more: { stop: [5] },
  }, { error: invalid("stop") }),

  ...both("a file as an image", { kind: "chat", content: [text(ECHO), FILE] }, {
    infinilm: invalid("messages[0].content[1].image_url.url"),
  }),
  ...both("echo", { kind: "completion", content: STORY, more: { echo: true } }, {
    infinilm: unsupported("echo"),
  }),
  ...both("two answers to a prompt", { kind: "completion", content: STORY, more: { n: 2 } }, {
    infinilm: unsupported("n"),
  }),
  ...both("what the engine alone rejects", { kind: "chat", content: STORY, more: BAD_NESTED }, {
    infinilm: REJECTED,
  }),
  ...both(
    "a completion that the engine alone rejects",
    { kind: "completion", content: STORY, more: BAD_NESTED },
    { infinilm: REJECTED },
  ),
  ...both(
    "a list of prompts that the engine alone rejects",
    { kind: "completion", prompts: [STORY, ECHO], more: BAD_NESTED },
    { infinilm: REJECTED },
  ),
  {
    holds: "embeddings",
    wish: { kind: "embedding", content: STORY },
    infinilm: { status: 501, code: "unsupported_by_engine" },
  },
];
