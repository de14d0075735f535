import { isTrue, itemsOf, PythonError, repr, subscript, typeName } from "./python_values.ts";
import { tokenize } from "./text.ts";

/** What the model is given to read. */
export interface InfiniLmPrompt {
  /** The tokens of the filled-in chat template. */
  tokens: string[];
  /** The texts of the messages, as one. */
  text: string;
  /** The last user message's. */
  lastMessage: string;
}

/**
 * Fills in the chat template (ChatML) of a text model. Throws a `PythonError` with what the server
 * would say to messages that it cannot read.
 */
export function readPrompt(
  messages: unknown,
  { addGenerationPrompt }: { addGenerationPrompt: unknown },
): InfiniLmPrompt {
  const contents = itemsOf(messages).map((message) => ({
    content: subscript(message, "content"),
    role: String((message as Record<string, unknown>).role ?? ""),
  }));
  for (const { content } of contents) if (Array.isArray(content)) openMedia(content);
  const texts = contents.map(({ content }) => textOf(content));
  const tokens = contents.flatMap(({ role }, index) => [
    "<|im_start|>",
    role,
    ...tokenize(texts[index] ?? ""),
    "<|im_end|>",
  ]);
  if (addGenerationPrompt === undefined || isTrue(addGenerationPrompt)) {
    tokens.push("<|im_start|>", "assistant");
  }
  const lastUser = contents.findLastIndex(({ role }) => role === "user");
  return { tokens, text: texts.join("\n"), lastMessage: texts[lastUser] ?? "" };
}

/** A text model takes a text, or a list of exactly one text part. */
function textOf(content: unknown): string {
  if (!Array.isArray(content)) return concatenated(content);
  if (content.length !== 1) throw new PythonError("Only one content item supported in list");
  const [part] = content as [Record<string, unknown>];
  if (!Object.hasOwn(part, "type") || !Object.hasOwn(part, "text")) {
    throw new PythonError("Content dict must have 'type' and 'text' keys");
  }
  return concatenated(part.text);
}

function concatenated(text: unknown): string {
  if (typeof text === "string") return text;
  throw new PythonError(`can only concatenate str (not "${typeName(text)}") to str`);
}

/** Images are `data:` or files on the server; nothing is ever fetched. */
function openMedia(parts: readonly unknown[]): void {
  for (const part of parts) {
    if (typeof part !== "object" || part === null || Array.isArray(part)) {
      throw new PythonError(`'${typeName(part)}' object has no attribute 'get'`);
    }
    if ((part as Record<string, unknown>).type !== "image_url") continue;
    const url = subscript(subscript(part, "image_url"), "url");
    if (typeof url !== "string" || url.startsWith("data:")) continue;
    // Every absolute path is taken for a file that is there: a simulated engine looks at none.
    throw new PythonError(
      url.startsWith("/")
        ? `cannot identify image file ${repr(url)}`
        : `[Errno 2] No such file or directory: ${repr(url)}`,
    );
  }
}
