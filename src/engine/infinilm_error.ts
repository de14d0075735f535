import { RouterError } from "../errors.ts";

/** The engine's words for what is wrong with a request, rather than with itself: Python's, mostly. */
const OF_THE_REQUEST = [
  /could not convert string to float/,
  /invalid literal for int\(\)/,
  /int\(\) argument must be/,
  /float\(\) argument must be/,
  /cannot convert float (?:infinity|NaN) to integer/,
  /indices must be integers/,
  /object (?:is not|has no)/,
  /has no attribute/,
  /can only concatenate|unhashable type/,
  /(?:must be|expected) (?:a |an )?(?:str|int|float|list|dict)/,
  /not supported|unsupported|Only one content item/i,
  /^'\w+'$/, // a missing member
  /No such file or directory/,
  /cannot identify image file/,
  /^Invalid JSON$/,
  /^No message provided$/,
  /template|chat.?template|jinja/i,
];

/** `[Error: …]`, as the engine puts it into a stream. */
const WRAPPED = /^\[(?:Error: )?([\s\S]*)\]$/;

/** Ends of an answer that are none of OpenAI's: the engine gave up. */
const GIVEN_UP: ReadonlySet<unknown> = new Set(["error", "timeout", "canceled"]);

/** Whether a `finish_reason` says that the engine gave up. */
export function isGivenUp(finishReason: unknown): finishReason is "error" | "timeout" | "canceled" {
  return GIVEN_UP.has(finishReason);
}

/** Why the engine gave up, in its own words. */
export function givenUp(finishReason: "error" | "timeout" | "canceled", text: string): RouterError {
  switch (finishReason) {
    case "timeout":
      return new RouterError("upstream_timeout", "the engine's own time limit ran out");
    case "canceled":
      return new RouterError("engine_failed", "the engine canceled the call");
    case "error":
      return engineError(WRAPPED.exec(text)?.[1] ?? text);
  }
}

/** What the engine said instead of an answer. */
export function engineError(words: string): RouterError {
  const rejected = OF_THE_REQUEST.some((pattern) => pattern.test(words));
  return new RouterError(
    rejected ? "engine_rejected" : "engine_failed",
    words === "" ? "the engine gave up without a word" : `the engine says: ${words.slice(0, 500)}`,
  );
}
