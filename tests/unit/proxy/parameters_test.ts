import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RouterError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/engine/json_object.ts";
import { checkParameters } from "../../../src/proxy/parameters.ts";

const CHAT = { messages: [{ role: "user", content: "x" }] };

/** For each parameter, what is good and what is not. */
const VALUES: Readonly<Record<string, { good: unknown[]; bad: unknown[] }>> = {
  temperature: { good: [0, 1, 2, 0.7, -0], bad: [-0.01, 2.01, "1", true, [], {}, 1e400] },
  top_p: { good: [0, 0.5, 1], bad: [-0.1, 1.1, "0.5", false, [1]] },
  top_k: { good: [-1, 0, 50, 1e3], bad: [1.5, "5", true, [5], 1e400] },
  max_tokens: { good: [1, 4096], bad: [0, -1, 1.5, "5", true, {}, 1e400] },
  repetition_penalty: { good: [0, 1.1, 2], bad: [-1, 2.5, "1", []] },
  stream: { good: [true, false], bad: [0, 1, "true", "", [], {}] },
  chat_template_kwargs: { good: [{}, { enable_thinking: false }], bad: [[], "x", 1, true] },
  stop: { good: ["", "x", [], ["a", "b"]], bad: [5, true, {}, [5], ["a", null], [["a"]]] },
};

function refusal(
  body: JsonObject,
  check: "chat" | "completion" | "model_only" = "chat",
): RouterError {
  return assertThrows(() => checkParameters(body, check), RouterError);
}

for (const [name, { good, bad }] of Object.entries(VALUES)) {
  for (const value of [...good, null, undefined]) {
    Deno.test(`${name}: ${JSON.stringify(value)} is accepted`, () => {
      checkParameters({ ...CHAT, [name]: value }, "chat");
      checkParameters({ prompt: "x", [name]: value }, "completion");
    });
  }
  for (const value of bad) {
    Deno.test(`${name}: ${value === Infinity ? "1e400" : JSON.stringify(value)} is refused, and named`, () => {
      for (
        const error of [
          refusal({ ...CHAT, [name]: value }),
          refusal({ prompt: "x", [name]: value }, "completion"),
        ]
      ) {
        assertEquals([error.code, error.status, error.param], ["invalid_parameter", 400, name]);
        assert(error.message.startsWith(`${name} must be `), error.message);
      }
    });
  }
}

for (const name of ["stop", "max_tokens"] as const) {
  for (const value of VALUES[name]!.bad) {
    Deno.test(`sampling_params.${name}: ${value === Infinity ? "1e400" : JSON.stringify(value)} is refused, and named`, () => {
      const { code, param } = refusal({ ...CHAT, sampling_params: { [name]: value } });
      assertEquals([code, param], ["invalid_parameter", `sampling_params.${name}`]);
    });
  }
  Deno.test(`sampling_params.${name} may be null or good`, () => {
    for (const value of [null, ...VALUES[name]!.good]) {
      checkParameters({ ...CHAT, sampling_params: { [name]: value } }, "chat");
    }
  });
}

Deno.test("a chat needs messages: a list with something in it", () => {
  for (const messages of [undefined, null, [], "x", {}, 5]) {
    const error = refusal(messages === undefined ? {} : { messages });
    assertEquals([error.code, error.param], ["invalid_parameter", "messages"]);
  }
  checkParameters({ messages: ["whatever"] }, "chat");
});

Deno.test("a completion needs a prompt, of whatever kind", () => {
  for (const body of [{}, { prompt: null }]) {
    assertEquals(refusal(body, "completion").param, "prompt");
  }
  for (const prompt of ["", "x", [1, 2], []]) checkParameters({ prompt }, "completion");
});

Deno.test("endpoints that are only routed are not checked", () => {
  checkParameters({ stop: 5, temperature: "hot", messages: 1 }, "model_only");
});

Deno.test("fields that nobody knows pass, also in sampling_params", () => {
  checkParameters(
    { ...CHAT, n: "x", sampling_params: { temperature: "x", y: 1 }, extra: {} },
    "chat",
  );
  for (const sampling_params of [null, 5, "x", []]) {
    checkParameters({ ...CHAT, sampling_params }, "chat");
  }
});

Deno.test("what a prototype has is not in the body", () => {
  const body = JSON.parse(
    '{"__proto__":{"stop":5,"temperature":"x"},"constructor":5}',
  ) as JsonObject;
  checkParameters({ ...body, ...CHAT }, "chat");
  assertEquals(refusal(Object.create(CHAT) as JsonObject).param, "messages");
});

Deno.test("an error shows what came: scalars as they are, the rest by kind and size", () => {
  for (
    const [value, shown] of [
      ["hot", '"hot"'],
      ["a\n", '"a\\n"'],
      [3, "3"],
      [1e400, "Infinity"],
      [false, "false"],
      [{}, "an object"],
      [{ x: 1, toJSON: 1 }, "an object"],
      [[], "an empty array"],
      [["x"], "an array of 1 item"],
      [Array(12).fill([]), "an array of 12 items"],
    ] as const
  ) {
    const { message } = refusal({ ...CHAT, temperature: value });
    assertEquals(message, `temperature must be a number from 0 to 2, received ${shown}`);
  }
  assertEquals(refusal({}).message, "messages must be a non-empty array, received nothing");
});

Deno.test("an error shows 60 characters of a text at most, and no half of one", () => {
  for (
    const text of ["y".repeat(1000), "\x1b".repeat(1000), "😀".repeat(500), `y${"😀".repeat(500)}`]
  ) {
    const { message } = refusal({ ...CHAT, temperature: text });
    const shown = message.slice("temperature must be a number from 0 to 2, received ".length);
    assert(shown.startsWith('"') && shown.endsWith("…") && shown.length <= 61, shown);
    assert(shown.isWellFormed() && !shown.includes("\\ud83d"), shown);
  }
});

Deno.test("an error looks at nothing inside of what came, however much that is", () => {
  const looks: string[] = [];
  const watched = <T extends object>(value: T): T =>
    new Proxy(value, {
      get: (target, name, receiver) => {
        looks.push(String(name));
        return Reflect.get(target, name, receiver);
      },
      ownKeys: () => {
        throw new Error("it was walked");
      },
    });
  refusal({ ...CHAT, temperature: watched({ toJSON: () => "all of it" }) });
  assertEquals(looks, []);
  refusal({ ...CHAT, temperature: watched(Array(1e6).fill("x")) });
  assertEquals(new Set(looks), new Set(["length"]));
});

Deno.test("whatever the values are, the check passes or names a parameter", () => {
  const names = [...Object.keys(VALUES), "messages", "prompt", "sampling_params", "x"];
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom(...names), fc.jsonValue()),
      fc.constantFrom("chat", "completion", "model_only"),
      (body, check) => {
        try {
          checkParameters(body as JsonObject, check);
        } catch (error) {
          assert(error instanceof RouterError && error.code === "invalid_parameter");
          assert(names.includes(error.param!.replace(/^sampling_params\./, "")));
        }
      },
    ),
    { seed: 51, numRuns: 500 },
  );
});
