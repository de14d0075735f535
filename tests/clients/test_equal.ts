import { assert, assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { tokenize } from "../../src/sim/text.ts";
import { idle } from "../support/idle.ts";
import { backendsYaml, RouterProcess } from "../support/router.ts";
import { within } from "../support/within.ts";
import type { Shown } from "./client.ts";
import { EQUAL, type EqualCase, type Heard, type Wish } from "./equal_wishes.ts";

/** Asks by a client library, through the router at an address, one model; does not throw. */
export type Asks = (wish: Wish, at: { readonly url: string; readonly model: string }) => Promise<
  Heard
>;

export interface TestEqualOptions {
  /** What the library can say. All unless given. */
  can?: (wish: Wish) => boolean;
  /** The tests are skipped. */
  ignore?: boolean;
}

/** Tokens of an answer that no call limits. */
const NATURAL = 16;
const FAST = { timeToFirstTokenMs: 0, tokensPerSecond: 0 };
/** So slow that nobody comes to the end of an answer. */
const SLOW = { timeToFirstTokenMs: 0, tokensPerSecond: 50 };
const INFINILM = { engine: "infinilm", eosAfter: NATURAL } as const;
const MODELS = ["openai", "paged", "static", "slow", "timeout"] as const;
type Model = typeof MODELS[number];

/** What a client asks that then leaves. */
const LEFT: readonly Wish[] = [
  { kind: "chat", content: "Tell me a story" },
  { kind: "completion", content: "Tell me a story" },
  { kind: "completion", prompts: ["Tell me a story", "Tell me another", "And one more"] },
];

/** A router with an engine of each kind, each serving a model of its kind's name. */
class House {
  readonly sims: Readonly<Record<Model, Sim>> = {
    openai: Sim.start({ ...FAST, maxTokens: NATURAL, models: ["openai"] }),
    paged: Sim.start({ ...FAST, ...INFINILM, kv: "paged", models: ["paged"] }),
    static: Sim.start({ ...FAST, ...INFINILM, kv: "static", models: ["static"] }),
    slow: Sim.start({ ...SLOW, engine: "infinilm", models: ["slow"] }),
    timeout: Sim.start({ ...SLOW, engine: "infinilm", requestTimeoutMs: 500, models: ["timeout"] }),
  };
  router!: RouterProcess;

  async open(): Promise<void> {
    const urls = MODELS.map((model) => this.sims[model].url);
    const kinds = ["", "cache_type: paged", "cache_type: static"];
    this.router = await RouterProcess.start(backendsYaml(urls, kinds));
  }

  async close(): Promise<void> {
    await this.router[Symbol.asyncDispose]();
    await Promise.all(MODELS.map((model) => this.sims[model].stop()));
  }
}

/** One test for each case. */
export function testEqual(
  name: string,
  asks: Asks,
  { can = () => true, ignore = false }: TestEqualOptions = {},
): void {
  let house: House;
  Deno.test.beforeAll(async () => {
    house = new House();
    await house.open();
  });
  Deno.test.afterAll(() => house.close());
  const ask = (wish: Wish, model: Model): Promise<Heard> =>
    within(asks(wish, { url: house.router.url, model }), "the client's end", { ms: 30_000 });

  for (const equal of EQUAL.filter(({ wish }) => can(wish))) {
    Deno.test({
      name: `${name} hears the same of InfiniLM as of OpenAI's engines: ${equal.holds}`,
      ignore,
      async fn(): Promise<void> {
        const openai = await reference(equal.wish, (wish) => ask(wish, "openai"));
        assertShown(openai.error, equal.error);
        for (const model of ["paged", "static"] as const) {
          const heard = await ask(equal.wish, model);
          const wanted = equal.error ?? equal.infinilm;
          assertShown(heard.error, wanted);
          if (wanted === undefined) assertSame(heard, withGaps(openai, equal), model);
        }
      },
    });
  }

  Deno.test({
    name: `${name} leaves a stream of InfiniLM's, and the engine is free`,
    ignore,
    async fn(): Promise<void> {
      const { slow } = house.sims;
      for (const wish of LEFT.filter(can)) {
        const before = slow.calls.length;
        await ask({ ...wish, stream: true, leaveAfter: 2 }, "slow");
        await idle(slow);
        const ended = slow.calls.slice(before).map((call) => call.ended);
        assertEquals(ended, (wish.prompts ?? [wish]).map(() => "client_left"));
      }
    },
  });

  Deno.test({
    name: `${name} hears that InfiniLM gave up in the middle of a stream`,
    ignore,
    async fn(): Promise<void> {
      const { texts, error } = await ask(
        { kind: "chat", content: "Tell me a story", stream: true },
        "timeout",
      );
      assert(texts !== undefined && texts[0]!.length > 0);
      assert(error?.message.includes("the engine's own time limit ran out"), Deno.inspect(error));
    },
  });
}

/** What OpenAI's engine says; the simulated one takes a list of prompts for one, so it is asked for each. */
async function reference(wish: Wish, ask: (wish: Wish) => Promise<Heard>): Promise<Heard> {
  if (wish.prompts === undefined) return await ask(wish);
  const { prompts, ...rest } = wish;
  const all: Heard[] = [];
  for (const content of prompts) all.push(await ask({ ...rest, content }));
  const { usage, error } = all[0]!;
  return {
    texts: all.flatMap(({ texts = [] }) => texts),
    finish: all.flatMap(({ finish = [] }) => finish),
    usage,
    error,
  };
}

/** What is to be heard of InfiniLM: the last token before a limit is lost, and no stream has counts. */
function withGaps({ texts, finish, usage, ...rest }: Heard, { wish }: EqualCase): Heard {
  return {
    ...rest,
    finish,
    texts: texts?.map((text, index) =>
      finish?.[index] === "length" ? tokenize(text).slice(0, -1).join("") : text
    ),
    usage: wish.stream ? undefined : usage,
  };
}

/** Counts differ by the chat template and the token that ends an answer: only their being there is compared. */
function assertSame(heard: Heard, wanted: Heard, model: string): void {
  const plain = ({ texts, finish, usage, list }: Heard): unknown => ({
    texts: texts?.map((text) => text.trim()),
    finish,
    usage: usage?.map((count) => count > 0),
    list: list?.map((item) => item === "openai" ? model : item),
  });
  assertEquals(plain(heard), plain(wanted));
}

function assertShown(shown: Shown | undefined, wanted: EqualCase["error"]): void {
  if (wanted === undefined) return assertEquals(shown, undefined);
  assert(shown !== undefined, "no error was shown");
  assert(shown.message.length > 10, shown.message);
  for (const [field, value] of Object.entries(wanted)) {
    assertEquals([field, shown[field as keyof Shown]], [field, value]);
  }
}
