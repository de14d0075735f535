import { concat } from "../concat.ts";
import { dialectOf } from "../engine/engines.ts";
import { around } from "../engine/json_edit.ts";
import { invalid, own } from "../engine/json_object.ts";
import { type ErrorCode, RouterError } from "../errors.ts";
import type { RequestRecord } from "../observe/request_record.ts";
import type { Outcome } from "../outcome.ts";
import type { ExchangeFacts } from "../registry/gate.ts";
import type { Registry } from "../registry/registry.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import type { Call } from "./call.ts";
import { judgeFailure } from "./classify.ts";
import { Cutoff } from "./cutoff.ts";
import { dispatch, type Dispatched } from "./dispatch.ts";
import { Fitness } from "./fitness.ts";
import type { House } from "./house.ts";

/** As many as OpenAI takes in one call. */
const MAX_PROMPTS = 2048;

/** They are looked at for each prompt; no call of OpenAI's API has so many. */
const MAX_MEMBERS = 256;

/** What is beside the prompts is sent with each: so much of it in all. */
const MAX_BESIDE_BYTES = 256 * 1024 * 1024;

const encoder = new TextEncoder();

/** So many prompts of one call are with engines at the same time. */
const MAX_AT_ONCE = 8;

/**
 * The calls that one call with a list of prompts is made of, where no healthy engine of its model takes more than
 * one; undefined for all others. Throws `RouterError` for too many.
 */
export function promptsOf(call: Call, registry: Registry): readonly string[] | undefined {
  if (call.endpoint.path !== "/completions" || call.dense) return undefined;
  const all = registry.backends.filter((backend) => backend.serves(call.model));
  const well = all.filter(({ healthy, wanted }) => healthy && wanted);
  const serving = well.length > 0 ? well : all;
  const onePrompt = serving.every((backend) => dialectOf(backend).onePrompt === true);
  if (serving.length === 0 || !onePrompt) return undefined;
  const prompts = own(call.json(), "prompt");
  if (!Array.isArray(prompts) || prompts.length < 2) return undefined;
  if (!prompts.every((prompt) => typeof prompt === "string")) return undefined;
  if (prompts.length > MAX_PROMPTS) {
    throw invalid("prompt", `at most ${MAX_PROMPTS} prompts`, prompts);
  }
  return prompts;
}

/** Throws `RouterError` if there is a prompt that no engine can have: then none is to be sent. */
export function checkPrompts(
  call: Call,
  prompts: readonly string[],
  registry: Registry,
): void {
  const members = Object.keys(call.json()).length;
  if (members > MAX_MEMBERS) {
    throw new RouterError(
      "invalid_parameter",
      `with a list of prompts a body may have ${MAX_MEMBERS} members, received ${members}`,
    );
  }
  const beside = around(call.body, ["prompt"])!.reduce((sum, { length }) => sum + length, 0);
  if (beside * prompts.length > MAX_BESIDE_BYTES) {
    throw invalid(
      "prompt",
      "a shorter list: what is beside it goes out with each of them",
      prompts,
    );
  }
  const serving = registry.backends.filter((backend) => backend.serves(call.model));
  // Whether a prompt fits depends on its size alone.
  const longest = prompts.reduce((most, prompt) => prompt.length > most.length ? prompt : most);
  for (const prompt of prompts.includes("") ? ["", longest] : [longest]) {
    const fitness = new Fitness({ ...call, json: () => ({ ...call.json(), prompt }) });
    if (!serving.some(fitness.fits)) throw fitness.refusal!;
  }
}

/** What says that there was no room, and nothing else. */
const NO_ROOM: ReadonlySet<ErrorCode> = new Set(["overloaded", "queue_full", "queue_timeout"]);

export interface PromptsOptions {
  house: House;
  record: RequestRecord;
  /** Ends all that is under way for any of them. */
  cutoff: Cutoff;
  /** What is done with the answer to one prompt, up to its end. */
  take: (dispatched: Dispatched, index: number) => Promise<void>;
}

/**
 * Sends each prompt as a call of its own, with a lease of its own, several at a time, and has the answers taken.
 * Where there is no room for one, it waits for another to end. Throws what the first to fail threw, once all have
 * ended.
 */
export async function runPrompts(
  call: Call,
  prompts: readonly string[],
  options: PromptsOptions,
): Promise<void> {
  const outside = around(call.body, ["prompt"])!;
  const waiting = prompts.map((_, index) => index);
  let running = 0;
  let failed: { error: unknown } | undefined;
  const work = async (): Promise<void> => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
      running++;
      try {
        await runPrompt(call, { ...options, around: outside, prompt: prompts[index]!, index });
      } catch (error) {
        if (error instanceof RouterError && NO_ROOM.has(error.code) && running > 1) {
          waiting.unshift(index); // whoever still runs takes it
          return;
        }
        failed ??= { error };
        waiting.length = 0;
        options.cutoff.cut("abandoned");
      } finally {
        running--;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_AT_ONCE, prompts.length) }, work));
  if (failed !== undefined) throw failed.error;
}

async function runPrompt(
  call: Call,
  { house, record, take, around, prompt, index, ...options }: PromptsOptions & {
    around: readonly [before: Uint8Array, behind: Uint8Array];
    prompt: string;
    index: number;
  },
): Promise<void> {
  const cutoff = new Cutoff();
  using _ = cutoff.follow(options.cutoff);
  const [before, behind] = around;
  const body = concat([before, encoder.encode(JSON.stringify(prompt)), behind]);
  const json = { ...call.json(), prompt };
  let dispatched: Dispatched | undefined;
  try {
    const one = { ...call, body, bodyBytes: body.length, json: () => json };
    dispatched = await dispatch(one, { house, cutoff, record });
    await take(dispatched, index);
    end(dispatched, { kind: "completed", status: dispatched.answer.status });
  } catch (error) {
    if (dispatched !== undefined) settle(dispatched, error, cutoff);
    throw error;
  }
}

/** The answer to one prompt broke off, or nobody wants the rest of it. */
function settle(dispatched: Dispatched, error: unknown, cutoff: Cutoff): void {
  const { answer, lease } = dispatched;
  answer.body.cancel();
  if (error instanceof UpstreamError) {
    const { name: backend } = lease.backend;
    const { outcome, facts } = judgeFailure(error, { backend, cutoff });
    end(dispatched, outcome, facts);
  } else if (error instanceof RouterError) {
    end(dispatched, { kind: "completed", status: error.status });
  } else end(dispatched, { kind: "router_failed" });
}

function end({ lease, entry }: Dispatched, outcome: Outcome, facts?: ExchangeFacts): void {
  entry.outcome = outcome;
  lease.settle(outcome, { facts });
}
