import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { posts, startEnginePeer } from "../support/engine_peer.ts";
import { backendsYaml, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";
import { within } from "../support/within.ts";
import type { Ask, Client, Shown } from "./client.ts";
import type { Situation } from "./situations.ts";

export interface TestClientOptions {
  /** What the library has fields for in such an error; all of them unless given. A message it always shows. */
  shows?: (wanted: Shown) => readonly (keyof Shown)[];
  /** The tests are skipped. */
  ignore?: boolean;
}

/** Far longer than any answer here takes. */
const PATIENCE_MS = 20_000;

/** One test for each situation. */
export function testClient(
  name: string,
  client: Client,
  situations: readonly Situation[],
  { shows = () => ["status", "code", "param"], ignore = false }: TestClientOptions = {},
): void {
  for (const situation of situations) {
    Deno.test({
      name: `${name} ${situation.holds}`,
      ignore,
      async fn(): Promise<void> {
        const shown = await behaves(client, situation);
        // What a library says to one who leaves is its own affair.
        if (situation.ask?.leave === undefined) assertShown(shown, situation.error, shows);
      },
    });
  }
}

/** Puts a client in a situation; returns what it shows of an error. */
async function behaves(client: Client, situation: Situation): Promise<Shown | undefined> {
  const { replies } = situation;
  let calls = 0;
  await using engine = startEnginePeer((conn) => replies[calls++]?.(conn));
  const backends = backendsYaml([`http://127.0.0.1:${engine.port}`], ["models: [peer]"]);
  if (situation.down) engine.stopListening();
  const config = backends + (situation.config ?? "");
  await using router = await RouterProcess.start(config, { healthy: !situation.down });
  const asked: Ask = {
    url: router.url,
    model: "peer",
    stream: false,
    tools: false,
    retries: false,
    timeoutMs: PATIENCE_MS,
    ...situation.ask,
  };
  const told = await within(client(asked), "the client's end", { ms: 30_000 });
  assertEquals(told.texts, [...situation.texts ?? []], Deno.inspect(told));
  assertEquals(told.toolCalls, [...situation.toolCalls ?? []]);
  assertEquals(posts(engine).length, replies.length, "calls that came to the engine");
  if (asked.leave !== undefined || asked.timeoutMs < PATIENCE_MS) {
    const { connection } = posts(engine).at(-1)!;
    assert(await (await engine.connection(connection)).closedByPeer !== "ours");
  }
  await until("the place is free", async () => (await router.stats("a"))["in_flight"] === 0);
  return told.error;
}

function assertShown(
  shown: Shown | undefined,
  wanted: Situation["error"],
  shows: NonNullable<TestClientOptions["shows"]>,
): void {
  if (wanted === undefined) return assertEquals(shown, undefined);
  assert(shown !== undefined, "no error was shown");
  if (wanted === true) return;
  assertStringIncludes(shown.message, wanted.message);
  for (const field of shows(wanted)) {
    if (wanted[field] === undefined || field === "message") continue;
    assertEquals([field, shown[field]], [field, wanted[field]]);
  }
}
