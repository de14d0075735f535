import { ANTHROPIC_SPEECH } from "./anthropic_engine.ts";
import type { Ask, Shown, ToolCall } from "./client.ts";
import {
  brokenJson,
  brokenStream,
  json,
  openStream,
  page,
  refusal,
  type Reply,
  slowStream,
  type Speech,
  stream,
} from "./engine.ts";
import { OPENAI_SPEECH } from "./openai_engine.ts";

/** What happens between a client and an engine, and what the client has to be told. */
export interface Situation {
  /** The rest of a sentence that begins with the client. */
  readonly holds: string;
  readonly ask?: Partial<Ask>;
  /** What the engine says to the first call, the second …; to more than that, nothing. */
  readonly replies: readonly Reply[];
  /** More of the router's configuration. */
  readonly config?: string;
  /** Whether nobody listens at the engine's port. */
  readonly down?: boolean;
  readonly texts?: readonly string[];
  readonly toolCalls?: readonly ToolCall[];
  /** `true`: any error will do. Of a message, a part. */
  readonly error?: Shown | true;
}

const TEXTS = ["Grey", " and", " mild"];
const CALL: ToolCall = { name: "weather", arguments: { city: "Wien" } };
const BROKEN: Shown = {
  message: "backend a broke the connection before its answer was complete",
  code: "upstream_broken",
};
const BUSY = "too many tokens in the queue";
const SOON = ["retry-after: 1"];
const SOONER = [...SOON, "retry-after-ms: 50"];

/** How to ask wrongly in an API, and what is then said. */
interface Wrong {
  readonly ask: Partial<Ask>;
  readonly param: string;
  readonly message: string;
}

/** What must hold of every client of OpenAI's API. */
export const OPENAI = situations(OPENAI_SPEECH, {
  ask: { temperature: 5 },
  param: "temperature",
  message: "temperature must be a number from 0 to 2, received 5",
});

/** And of Anthropic's, where all but the model is for the engine to check; its errors name no parameter. */
export const ANTHROPIC = situations(ANTHROPIC_SPEECH, {
  ask: { model: "" },
  param: "model",
  message: "model must be a string of 1 to 512 characters",
}).map(({ error, ...same }): Situation =>
  error === undefined || error === true
    ? { ...same, error }
    : { ...same, error: { ...error, param: undefined } }
);

function situations(say: Speech, wrong: Wrong): readonly Situation[] {
  const events = say.events(TEXTS);
  const unfinished = events.slice(0, -say.closing);
  return [
    { holds: "gets a whole answer", replies: [json(say.answer("Grey."))], texts: ["Grey."] },
    {
      holds: "gets each piece of a stream",
      ask: { stream: true },
      replies: [stream(events)],
      texts: TEXTS,
    },
    ...([
      ["a slow stream, through comments", events],
      ["a slow stream whose events have ids", events.map((event, i) => `id: ${i}\n${event}`)],
    ] as const).map(([what, slow]) => ({
      holds: `gets each piece of ${what}`,
      ask: { stream: true },
      config: "stream: { keep_alive: 50ms }",
      replies: [slowStream(slow, 120)],
      texts: TEXTS,
    })),
    {
      holds: "gets a tool call",
      ask: { tools: true },
      replies: [json(say.toolCall)],
      toolCalls: [CALL],
    },
    {
      holds: "gets a tool call from a stream",
      ask: { tools: true, stream: true },
      replies: [stream(say.toolCallEvents)],
      toolCalls: [CALL],
    },
    {
      holds: "gets what came of a stream that breaks, and our words",
      ask: { stream: true },
      replies: [brokenStream(unfinished)],
      texts: TEXTS,
      error: BROKEN,
    },
    {
      holds: "gets what came of a stream that falls silent, and our words",
      ask: { stream: true },
      config: "timeouts: { idle: 500ms }",
      replies: [openStream(unfinished)],
      texts: TEXTS,
      error: { message: "backend a went silent", code: "upstream_idle_timeout" },
    },
    {
      holds: "gets what came of a stream that ends with an error, and the engine's words",
      ask: { stream: true },
      replies: [stream([...unfinished, say.errorEvent("out of memory")])],
      texts: TEXTS,
      error: { message: "out of memory" },
    },
    {
      holds: "does not take half an answer for a whole one",
      replies: [brokenJson(say.answer("Grey."))],
      error: true,
    },
    {
      holds: "shows our words if its connection to the engine breaks before the answer",
      replies: [async (conn) => conn.close()],
      error: { ...BROKEN, status: 502 },
    },
    {
      holds: "shows which parameter is wrong",
      ask: wrong.ask,
      replies: [],
      error: { status: 400, code: "invalid_parameter", param: wrong.param, message: wrong.message },
    },
    {
      holds: "shows the engine's own words with its 400",
      replies: [refusal("400 Bad Request", say.error("the prompt is too long"))],
      error: { status: 400, message: "the prompt is too long" },
    },
    {
      holds: "shows the engine's own words with its 429",
      ask: { stream: true },
      replies: [refusal("429 Too Many Requests", say.error(BUSY), SOON)],
      error: { status: 429, message: BUSY },
    },
    {
      holds: "shows our words for a 429 that is a page",
      replies: [page("429 Too Many Requests")],
      error: {
        status: 429,
        code: "upstream_busy",
        message: "backend a answered 429 with text/html instead of JSON",
      },
    },
    {
      holds: "shows our words for a 500 that is a page",
      replies: [page("500 Internal Server Error")],
      error: {
        status: 502,
        code: "upstream_bad_answer",
        message: "backend a answered 500 with text/html instead of JSON",
      },
    },
    {
      holds: "shows that nobody serves a model",
      ask: { model: "nobody" },
      replies: [],
      error: { status: 503, code: "model_not_found", param: "model", message: "nobody" },
    },
    {
      holds: "shows that a model has no healthy backend, in a stream too",
      ask: { stream: true },
      replies: [],
      down: true,
      error: { status: 503, code: "no_healthy_backend", message: "peer" },
    },
    ...(["return", "abort"] as const).map((by) => ({
      holds: `leaves a stream, and the engine is free (${by})`,
      ask: { stream: true, leave: { after: 2, by } },
      replies: [openStream(unfinished.slice(0, -1))],
      texts: TEXTS.slice(0, 2),
    })),
    {
      holds: "gives up waiting for an answer, and the engine is free",
      ask: { timeoutMs: 1000 },
      replies: [async () => {}],
      error: true,
    },
    ...([
      ["429", refusal("429 Too Many Requests", say.error(BUSY), SOON)],
      ["503", refusal("503 Service Unavailable", say.error(BUSY), SOONER)],
    ] as const).map(([status, reply]) => ({
      holds: `asks again by itself after a ${status} that says when`,
      ask: { retries: true },
      replies: [reply, json(say.answer("Grey."))],
      texts: ["Grey."],
    })),
  ];
}
