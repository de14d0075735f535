import { STATUS_CODE } from "@std/http/status";
import { isObject, type JsonObject, own } from "../engine/json_object.ts";
import { RouterError } from "../errors.ts";
import { EventChunks } from "../sse/event_chunks.ts";
import type { Header } from "../upstream/response_head.ts";
import type { Answer } from "./answer.ts";
import { inOurWords } from "./classify.ts";
import { checkPrompts, runPrompts } from "./prompts.ts";
import type { Call } from "./call.ts";
import { cutShort } from "./cut_short.ts";
import { Cutoff } from "./cutoff.ts";
import type { Dispatched } from "./dispatch.ts";
import type { Exchange } from "./exchange.ts";
import type { House } from "./house.ts";
import { NOTHING_MORE } from "./join_stream.ts";
import { MergedBody } from "./merged_body.ts";
import { wholeEvents } from "./whole_events.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One answer made of those to several prompts. */
export interface BatchAnswer {
  readonly answer: Answer;
  /** Who answered, all of them. */
  readonly backend: string;
}

interface BatchOptions {
  house: House;
  exchange: Exchange;
  /** Ends all prompts, and with none of them the exchange. */
  cutoff: Cutoff;
}

/** Answers a list of prompts, each as a call of its own, as one call is answered. */
export async function batch(
  call: Call,
  prompts: readonly string[],
  { house, exchange }: { house: House; exchange: Exchange },
): Promise<BatchAnswer> {
  checkPrompts(call, prompts, house.registry);
  const cutoff = new Cutoff();
  cutoff.follow(exchange.cutoff);
  const options = { house, exchange, cutoff };
  return await (call.stream ? streamed(call, prompts, options) : whole(call, prompts, options));
}

async function whole(
  call: Call,
  prompts: readonly string[],
  options: BatchOptions,
): Promise<BatchAnswer> {
  const answers = new Array<JsonObject>(prompts.length);
  const told = new Told();
  const take = (dispatched: Dispatched, index: number): Promise<void> => {
    told.see(dispatched, options);
    answers[index] = answerIn(dispatched);
    return Promise.resolve();
  };
  await runPrompts(call, prompts, { ...options, record: options.exchange.record, take });
  const choices = answers.flatMap(choicesOf);
  const joined = {
    ...answers[0],
    choices,
    usage: sumOf(answers.map((answer) => own(answer, "usage"))),
  };
  const first = encoder.encode(JSON.stringify(joined));
  return told.answer({ type: "application/json", first, chunks: undefined, body: NOTHING_MORE });
}

/** Throws `RouterError` if it is not a whole answer. */
function answerIn(dispatched: Dispatched): JsonObject {
  const { status, first, body, events } = dispatched.answer;
  const text = first !== undefined && body.done && !events ? decoder.decode(first) : "";
  const value = parsed(text);
  if (status === 200 && isObject(value)) return value;
  throw noAnswer(dispatched);
}

/** What one engine said to one prompt, as what is said to all of them. */
function noAnswer({ answer, lease }: Dispatched): RouterError {
  const { status } = answer;
  const what = `${status} to one of the prompts`;
  const backend = lease.backend.name;
  return status >= 400 && status < 500 && status !== STATUS_CODE.TooManyRequests
    ? new RouterError("engine_rejected", `backend ${backend} answered ${what}`)
    : inOurWords(answer, { backend, what });
}

/** The sum of counts, member by member; undefined if an answer has none. */
function sumOf(usages: readonly unknown[]): Record<string, number> | undefined {
  const sum: Record<string, number> = {};
  for (const usage of usages) {
    if (!isObject(usage)) return undefined;
    for (const [name, count] of Object.entries(usage)) {
      if (typeof count === "number") sum[name] = (sum[name] ?? 0) + count;
    }
  }
  return sum;
}

async function streamed(
  call: Call,
  prompts: readonly string[],
  options: BatchOptions,
): Promise<BatchAnswer> {
  const { endpoint } = call;
  const told = new Told();
  const body = new MergedBody(() => options.cutoff.cut("abandoned"));
  /** What all events of one answer have alike, as its first says it. */
  let common: JsonObject | undefined;
  const take = async (dispatched: Dispatched, index: number): Promise<void> => {
    told.see(dispatched, options);
    const { answer } = dispatched;
    if (answer.status !== 200 || answer.chunks === undefined) throw noAnswer(dispatched);
    let finished = false;
    for await (const events of wholeEvents(answer, { endpoint })) {
      const text = decoder.decode(answer.reading?.events(events) ?? events);
      for (const chunk of chunksIn(text)) {
        common ??= { id: chunk["id"], created: chunk["created"] };
        finished ||= choicesOf(chunk, index).some((choice) =>
          own(choice, "finish_reason") !== undefined
        );
        const made = { ...chunk, ...common, choices: choicesOf(chunk, index) };
        await body.put(encoder.encode(`data: ${JSON.stringify(made)}\n\n`));
      }
    }
    if (!finished) throw cutShort();
  };
  runPrompts(call, prompts, { ...options, record: options.exchange.record, take }).then(
    async () => {
      await body.put(encoder.encode("data: [DONE]\n\n"));
      body.end();
    },
    (reason) => body.end({ reason }),
  );
  const first = await body.read();
  const chunks = new EventChunks(options.house.config.limits.maxEvent);
  return told.answer({ type: "text/event-stream; charset=utf-8", first, chunks, body });
}

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The chunks in an engine's events; what ends them, and all else, is left out. */
function chunksIn(events: string): JsonObject[] {
  return events.split("\n\n").filter((event) => event.startsWith("data: {"))
    .map((event) => parsed(event.slice("data: ".length))).filter(isObject);
}

/** The choices of the answer to one prompt as those of one among several. */
function choicesOf(answer: JsonObject, index: number): JsonObject[] {
  const choices = own(answer, "choices");
  return Array.isArray(choices)
    ? choices.filter(isObject).map((choice) => ({ ...choice, index }))
    : [];
}

/** What the answers to all prompts have said so far. */
class Told {
  readonly #backends = new Set<string>();
  #ignored: readonly string[] | undefined;

  see({ answer, lease, at }: Dispatched, { house, exchange }: BatchOptions): void {
    const { record } = exchange;
    record.timeToFirstByte ??= exchange.elapsed(at);
    this.#backends.add(lease.backend.name);
    this.#ignored = answer.ignored;
    if (answer.ignored !== undefined) house.ignoredNotes.note(lease.backend, answer.ignored);
  }

  answer(
    { type, ...rest }: Pick<Answer, "first" | "chunks" | "body"> & { type: string },
  ): BatchAnswer {
    const headers: Header[] = [["content-type", type]];
    const answer: Answer = {
      ...rest,
      status: 200,
      headers,
      events: rest.chunks !== undefined,
      encoded: false,
      reading: undefined,
      ignored: this.#ignored,
      requestSent: false,
    };
    return { answer, backend: [...this.#backends].join(", ") };
  }
}
