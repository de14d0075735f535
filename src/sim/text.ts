import { type Random, seededRandom, seedFrom } from "./random.ts";

/** What the simulated model is asked for. */
export interface AnswerRequest {
  /** The whole prompt; with the seed it decides every word. */
  prompt: string;
  /** The last user message: where `echo:` is looked for. Default: the prompt. */
  lastMessage?: string;
  /** Tokens asked for. Without it the model ends by itself after `naturalLength` tokens. */
  maxTokens?: number;
  /** Length of an answer nobody limited, in tokens; a longer echo is still given whole. */
  naturalLength: number;
  /** Texts that end the answer and are not part of it. */
  stop?: readonly string[];
  seed: number;
}

/** An answer as the model gives it: its tokens in order, and why it ended. */
export interface Answer {
  tokens: string[];
  finishReason: "stop" | "length";
}

/** No answer is longer than this, whatever `max_tokens` says: the model's context, in tokens. */
const CONTEXT_TOKENS = 131_072;

// One CJK character is one token, and so is each run of anything else up to the next white space,
// together with the white space before it: joined, the tokens are the text again.
const TOKEN =
  /\s*(?:[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\u3000-\u303f\uff00-\uffef]|[^\s\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\u3000-\u303f\uff00-\uffef]+)|\s+$/gu;
const CJK = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]/u;

const ENGLISH = (
  "the a this every one our quiet small bright early slow kind open warm old new river garden " +
  "window morning letter road bridge teacher engine mountain story winter market lamp boat finds " +
  "keeps opens follows carries remembers crosses paints mends visits with under over near beside " +
  "after before and then while again slowly together today"
).split(" ");

const CHINESE = (
  "今天 早上 我们 老师 朋友 孩子 山上 河边 城市 花园 窗外 春天 雨后 灯光 小船 故事 书信 市场 " +
  "安静 明亮 温暖 慢慢 一起 常常 再次 走过 看见 打开 记得 写下 带来 修好 画着 喜欢 以及 然后"
).split(" ");

/**
 * Splits a text into tokens, simply: one per CJK character and one per word. It has no vocabulary,
 * and its counts are those of no real model.
 */
export function tokenize(text: string): string[] {
  return text.match(TOKEN) ?? [];
}

/** The answer to a prompt: readable, Chinese if the prompt is, and the same for the same seed. */
export function answerTo(request: AnswerRequest): Answer {
  const natural = Math.max(request.naturalLength, echoedBy(request).length);
  const length = Math.min(request.maxTokens ?? natural, CONTEXT_TOKENS);
  const tokens: string[] = [];
  if (length > 0) {
    for (const token of endlessAnswer(request)) {
      tokens.push(tokens.length === 0 ? token.trimStart() : token);
      if (tokens.length === length) break;
    }
  }
  const cut = firstStop(tokens.join(""), request.stop ?? []);
  if (cut !== undefined) return { tokens: cutAt(tokens, cut), finishReason: "stop" };
  return { tokens, finishReason: request.maxTokens === undefined ? "stop" : "length" };
}

/** What the model says to a prompt if nothing ends it: the echo asked for, then words without end. */
export function* endlessAnswer(
  request: Pick<AnswerRequest, "prompt" | "lastMessage" | "seed">,
): Generator<string, never> {
  yield* echoedBy(request);
  const random = seededRandom(seedFrom(request.seed, request.prompt));
  const nextWord = CJK.test(request.prompt) ? chineseWords(random) : englishWords(random);
  for (;;) yield nextWord();
}

/** The tokens that a prompt asks to have echoed, by `echo:` in its last message. */
export function echoedBy(request: Pick<AnswerRequest, "prompt" | "lastMessage">): string[] {
  return tokenize(echoOf(request.lastMessage ?? request.prompt));
}

function echoOf(message: string): string {
  const at = message.indexOf("echo:");
  return at === -1 ? "" : message.slice(at + "echo:".length).trimStart();
}

function englishWords(random: Random): () => string {
  let left = 0;
  return () => {
    const starts = left === 0;
    if (starts) left = 5 + Math.floor(random() * 6);
    left--;
    const word = pick(ENGLISH, random);
    const spelt = starts ? word.charAt(0).toUpperCase() + word.slice(1) : word;
    return ` ${spelt}${left === 0 ? "." : ""}`;
  };
}

function chineseWords(random: Random): () => string {
  let left = 0;
  return () => {
    if (left === 0) left = 4 + Math.floor(random() * 5);
    left--;
    return `${pick(CHINESE, random)}${left === 0 ? "。" : ""}`;
  };
}

function pick(words: readonly string[], random: Random): string {
  return words[Math.floor(random() * words.length)] ?? "";
}

function firstStop(text: string, stops: readonly string[]): number | undefined {
  const found = stops.filter((stop) => stop !== "").map((stop) => text.indexOf(stop));
  const first = Math.min(...found.filter((at) => at !== -1));
  return Number.isFinite(first) ? first : undefined;
}

function cutAt(tokens: readonly string[], length: number): string[] {
  const kept: string[] = [];
  let left = length;
  for (const token of tokens) {
    if (left <= 0) break;
    kept.push(token.slice(0, left));
    left -= token.length;
  }
  return kept;
}
