import type { Speech } from "./engine.ts";

const SAME = { id: "chatcmpl-1", created: 1_700_000_000, model: "peer" };
const USAGE = { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 };

function answer(message: Record<string, unknown>, finish_reason: string): unknown {
  const choice = { index: 0, message: { role: "assistant", ...message }, finish_reason };
  return { ...SAME, object: "chat.completion", choices: [choice], usage: USAGE };
}

function event(delta: Record<string, unknown>, finish_reason: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason }];
  return `data: ${JSON.stringify({ ...SAME, object: "chat.completion.chunk", choices })}\n\n`;
}

/** A piece of a call of the tool; the first has its name. */
function toolDelta(args: string, name?: string): Record<string, unknown> {
  const first = name === undefined ? {} : { id: "call_1", type: "function" };
  return { tool_calls: [{ index: 0, ...first, function: { name, arguments: args } }] };
}

function error(message: string): unknown {
  return { error: { message, type: "engine_error", param: null, code: "engine" } };
}

const BEGIN = event({ role: "assistant", content: "" });
const DONE = "data: [DONE]\n\n";

/** What an engine with OpenAI's API says. */
export const OPENAI_SPEECH: Speech = {
  answer: (content) => answer({ content }, "stop"),
  toolCall: answer({
    content: null,
    tool_calls: [{
      id: "call_1",
      type: "function",
      function: { name: "weather", arguments: '{"city":"Wien"}' },
    }],
  }, "tool_calls"),
  events: (texts) => [
    BEGIN,
    ...texts.map((content) => event({ content })),
    event({}, "stop"),
    DONE,
  ],
  closing: 2,
  toolCallEvents: [
    BEGIN,
    event(toolDelta("", "weather")),
    event(toolDelta('{"city":')),
    event(toolDelta('"Wien"}')),
    event({}, "tool_calls"),
    DONE,
  ],
  error,
  errorEvent: (message) => `data: ${JSON.stringify(error(message))}\n\n`,
};
