import type { Speech } from "./engine.ts";

type Fields = Record<string, unknown>;

const USAGE = { input_tokens: 3, output_tokens: 3 };

function message(content: readonly Fields[], stop_reason: string | null): Fields {
  const same = { id: "msg_1", type: "message", role: "assistant", model: "peer" };
  return { ...same, content, stop_reason, stop_sequence: null, usage: USAGE };
}

function event(type: string, fields: Fields = {}): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

/** The events of an answer with one block, which comes in pieces. */
function events(block: Fields, deltas: readonly Fields[], stop_reason: string): string[] {
  return [
    event("message_start", { message: message([], null) }),
    event("content_block_start", { index: 0, content_block: block }),
    ...deltas.map((delta) => event("content_block_delta", { index: 0, delta })),
    event("content_block_stop", { index: 0 }),
    event("message_delta", { delta: { stop_reason, stop_sequence: null }, usage: USAGE }),
    event("message_stop"),
  ];
}

function error(text: string): Fields {
  return { error: { type: "engine_error", message: text } };
}

const TOOL_USE = { type: "tool_use", id: "toolu_1", name: "weather" };

/** What an engine with Anthropic's API says. */
export const ANTHROPIC_SPEECH: Speech = {
  answer: (text) => message([{ type: "text", text }], "end_turn"),
  toolCall: message([{ ...TOOL_USE, input: { city: "Wien" } }], "tool_use"),
  events: (texts) =>
    events(
      { type: "text", text: "" },
      texts.map((text) => ({ type: "text_delta", text })),
      "end_turn",
    ),
  closing: 3,
  toolCallEvents: events(
    { ...TOOL_USE, input: {} },
    ['{"city":', '"Wien"}'].map((partial_json) => ({ type: "input_json_delta", partial_json })),
    "tool_use",
  ),
  error: (text) => ({ type: "error", ...error(text) }),
  errorEvent: (text) => event("error", error(text)),
};
