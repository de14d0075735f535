import { assertEquals } from "@std/assert";
import { Sim, type SimOptions } from "../../../src/sim/sim.ts";
import { type RawAnswer, RawClient, rawPost } from "../../support/raw_client.ts";

const FAST = { engine: "infinilm", timeToFirstTokenMs: 0, tokensPerSecond: 0 } as const;

/** A simulated InfiniLM without delays, for as long as `run` takes. */
export async function withInfiniLm(
  options: SimOptions,
  run: (sim: Sim) => Promise<void>,
): Promise<void> {
  const sim = Sim.start({ ...FAST, models: ["stub-7b"], ...options });
  try {
    await run(sim);
  } finally {
    await sim.stop();
  }
}

/** A call with one message. */
export function chat(content: unknown, more: Record<string, unknown> = {}): object {
  return { messages: [{ role: "user", content }], max_tokens: 3, ...more };
}

/** One POST on a connection of its own; a string is sent as it is. */
export async function post(
  sim: Sim,
  body: unknown,
  path = "/v1/chat/completions",
): Promise<RawAnswer> {
  using client = await RawClient.connect(sim.port);
  await client.write(rawPost(path, typeof body === "string" ? body : JSON.stringify(body)));
  return await client.answer();
}

/** One GET, or another method, on a connection of its own. */
export async function get(sim: Sim, target: string, method = "GET"): Promise<RawAnswer> {
  using client = await RawClient.connect(sim.port);
  await client.write(`${method} ${target} HTTP/1.1\r\nhost: x\r\n\r\n`);
  return await client.answer({ head: method === "HEAD" });
}

/** What a stream says: its texts, and why it ended. */
export function readStream({ status, body }: RawAnswer): {
  texts: string[];
  finishReasons: string[];
} {
  assertEquals(status, 200);
  const events = body.split("\n\n");
  assertEquals(events.splice(-2), ["data: [DONE]", ""]);
  const choices = events.map((event) => JSON.parse(event.slice("data: ".length)).choices[0]);
  return {
    texts: choices.map(({ text }) => text).filter((text) => text !== null),
    finishReasons: choices.map(({ finish_reason }) => finish_reason).filter((why) => why !== null),
  };
}

/** What a whole answer says. */
// deno-lint-ignore no-explicit-any -- parsed JSON is looked at field by field
export function readWhole({ status, body }: RawAnswer): any {
  assertEquals(status, 200, body);
  const { choices: [{ message, finish_reason }], usage } = JSON.parse(body);
  return { text: message.content, why: finish_reason, usage };
}
