import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { posts, startEnginePeer } from "../support/engine_peer.ts";
import { backendsYaml, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";
import { within } from "../support/within.ts";
import { ANTHROPIC_SPEECH } from "./anthropic_engine.ts";
import type { Ask, Client, Shown } from "./client.ts";
import { OPENAI_SPEECH } from "./openai_engine.ts";
import { type Situation, situations } from "./situations.ts";

export const OPENAI = situations(OPENAI_SPEECH, {
  wrong: {
    ask: { temperature: 5 },
    param: "temperature",
    message: "temperature must be a number from 0 to 2, received 5",
  },
});

/** What only the engine knows to be wrong is not checked on `/messages`. */
export const ANTHROPIC = situations(ANTHROPIC_SPEECH, {
  wrong: {
    ask: { model: "" },
    param: "model",
    message: "model must be a string of 1 to 512 characters",
  },
});

export interface BehavesOptions {
  /** What the library has fields for; a message it always shows. */
  shows: readonly (keyof Shown)[];
  /** The tests are skipped. */
  ignore?: boolean;
}

/** One test for each situation. */
export function testClient(
  name: string,
  client: Client,
  all: readonly Situation[],
  { shows, ignore = false }: BehavesOptions,
): void {
  for (const situation of all) {
    Deno.test({
      name: `${name} ${situation.holds}`,
      ignore,
      fn: () => behaves(client, situation, shows),
    });
  }
}

async function behaves(
  client: Client,
  situation: Situation,
  shows: readonly (keyof Shown)[],
): Promise<void> {
  const { replies } = situation;
  let calls = 0;
  await using engine = startEnginePeer((conn) => replies[calls++]?.(conn));
  const backends = backendsYaml([`http://127.0.0.1:${engine.port}`], ["models: [peer]"]);
  if (situation.down) engine.stopListening();
  await using router = await RouterProcess.start(backends, { healthy: !situation.down });
  const asked: Ask = {
    url: router.url,
    model: "peer",
    stream: false,
    tools: false,
    retries: false,
    ...situation.ask,
  };
  const told = await within(client(asked), "the client's end", { ms: 30_000 });
  assertEquals(told.texts, [...situation.texts ?? []], Deno.inspect(told));
  assertEquals(told.toolCalls, [...situation.toolCalls ?? []]);
  assertShown(told.error, situation.error, shows);
  assertEquals(posts(engine).length, replies.length, "calls that came to the engine");
  if (asked.leaveAfter !== undefined) {
    const last = posts(engine).at(-1)!;
    assert(await (await engine.connection(last.connection)).closedByPeer !== "ours");
  }
  await until("the place is free", async () => (await router.stats("a"))["in_flight"] === 0);
}

function assertShown(
  shown: Shown | undefined,
  wanted: Situation["error"],
  shows: readonly (keyof Shown)[],
): void {
  if (wanted === undefined) return assertEquals(shown, undefined);
  assert(shown !== undefined, "no error was shown");
  if (wanted === true) return;
  assertStringIncludes(shown.message, wanted.message);
  for (const field of shows) {
    if (wanted[field] !== undefined) {
      assertEquals([field, shown[field]], [field, wanted[field]]);
    }
  }
}
