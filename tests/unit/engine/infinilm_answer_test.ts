import { assert, assertEquals, assertThrows } from "@std/assert";
import { InfinilmReading } from "../../../src/engine/infinilm_answer.ts";
import { RouterError } from "../../../src/errors.ts";
import { bytesOf, textOf } from "../sse/support.ts";

/** A chunk as the engine writes it. */
function chunk(content: string | null, finish: string | null = null, created = 5): string {
  const text = JSON.stringify(content);
  const delta = content === null ? "{}" : `{"content": ${text}}`;
  return `data: {"id": "cmpl-4728ed9f", "object": "chat.completion.chunk", "created": ${created}, "model": "stub-7b", ` +
    `"system_fingerprint": null, "choices": [{"index": 0, "text": ${text}, "delta": ${delta}, ` +
    `"logprobs": null, "finish_reason": ${JSON.stringify(finish)}}]}\n\n`;
}

const DONE = "data: [DONE]\n\n";

function reading({ completion = false, join = false } = {}): InfinilmReading {
  return new InfinilmReading({ completion, join });
}

/** The events that a client gets of these pieces. */
function translated(read: InfinilmReading, ...pieces: string[]): unknown[] {
  const out = pieces.map((piece) => textOf(read.events(bytesOf(piece)))).join("");
  return out.split("\n\n").filter((event) => event !== "").map((event) => {
    assert(event.startsWith("data: "), event);
    return event === "data: [DONE]" ? "[DONE]" : JSON.parse(event.slice(6));
  });
}

Deno.test("a chat's stream has the role first, one id of OpenAI's kind, one time, and no text of its own", () => {
  const events = translated(
    reading(),
    chunk(" t0"),
    chunk("é", null, 6) + chunk(null, "length", 7),
    DONE,
  );
  const common = {
    id: "chatcmpl-4728ed9f",
    object: "chat.completion.chunk",
    created: 5,
    model: "stub-7b",
    system_fingerprint: null,
  };
  const choice = (delta: unknown, finish_reason: unknown = null): unknown => [
    { index: 0, delta, logprobs: null, finish_reason },
  ];
  assertEquals(events, [
    { ...common, choices: choice({ role: "assistant", content: " t0" }) },
    { ...common, choices: choice({ content: "é" }) },
    { ...common, choices: choice({}, "length") },
    "[DONE]",
  ]);
});

Deno.test("a chat's stream of one chunk has the role as well", () => {
  const [first] = translated(reading(), chunk(null, "length")) as [
    { choices: { delta: unknown }[] },
  ];
  assertEquals(first.choices[0]!.delta, { role: "assistant", content: "" });
});

Deno.test("a completion's stream is text", () => {
  const events = translated(reading({ completion: true }), chunk(" t0"), chunk(null, "stop"), DONE);
  const common = {
    id: "cmpl-4728ed9f",
    object: "text_completion",
    created: 5,
    model: "stub-7b",
    system_fingerprint: null,
  };
  const choice = (text: string, finish_reason: unknown): unknown => [
    { index: 0, text, logprobs: null, finish_reason },
  ];
  assertEquals(events, [
    { ...common, choices: choice(" t0", null) },
    { ...common, choices: choice("", "stop") },
    "[DONE]",
  ]);
});

const GAVE_UP: readonly (readonly [text: string, finish: string, code: string, status: number])[] =
  [
    ["[Error: could not convert string to float: 'a']", "error", "engine_rejected", 400],
    ["[Error: invalid literal for int() with base 10: 'abc']", "error", "engine_rejected", 400],
    ["[Error: string indices must be integers, not 'str']", "error", "engine_rejected", 400],
    ["[Error: 'content']", "error", "engine_rejected", 400],
    ['[Error: can only concatenate str (not "int") to str]', "error", "engine_rejected", 400],
    ["[Error: sequence item 0: expected str instance, int found]", "error", "engine_rejected", 400],
    ["[Error: [Errno 2] No such file or directory: 'x']", "error", "engine_rejected", 400],
    ["[Error: CUDA error]", "error", "engine_failed", 500],
    ["[Request timeout]", "timeout", "upstream_timeout", 504],
    ["", "canceled", "engine_failed", 500],
  ];

for (const [text, finish, code, status] of GAVE_UP) {
  Deno.test(`${finish} with ${JSON.stringify(text)} is ${code}, first in a stream, later and whole`, () => {
    const events = bytesOf(chunk(text, finish) + DONE);
    const first = assertThrows(() => reading().begin(events), RouterError);
    assertEquals([first.code, first.status], [code, status]);

    const later = reading();
    const out = translated(later, chunk("t"), chunk("u") + chunk(text, finish) + DONE);
    assertEquals([out.length, later.failure?.code], [2, code]);
    assertEquals(textOf(later.events(bytesOf(DONE))), "", "nothing comes behind it");

    const answer = JSON.stringify({
      choices: [{ message: { content: text }, finish_reason: finish }],
    });
    assertEquals(assertThrows(() => reading().whole(200, bytesOf(answer)), RouterError).code, code);
  });
}

Deno.test("a text that begins like an error is text", () => {
  const text = "[Error: could not convert string to float: 'a']";
  for (const finish of [null, "stop", "length"]) {
    const read = reading();
    read.begin(bytesOf(chunk(text, finish)));
    assertEquals([translated(read, chunk(text, finish)).length, read.failure], [1, undefined]);
  }
});

Deno.test("an answer of the engine's own to a bad request says whose fault it is, in its words", () => {
  const said = (error: string): RouterError =>
    assertThrows(() => reading().whole(500, bytesOf(JSON.stringify({ error }))), RouterError);
  assertEquals(said("'content'").code, "engine_rejected");
  assertEquals(said("No message provided").message, "the engine says: No message provided");
  assertEquals(said("something broke").code, "engine_failed");
  assert(said("x".repeat(5000)).message.length < 600);
});

Deno.test("a whole chat gets an id of OpenAI's kind, a whole completion its form", () => {
  const usage = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };
  const message = { role: "assistant", content: "t0 t1" };
  const answer = {
    id: "cmpl-e2",
    object: "chat.completion",
    created: 5,
    model: "stub-7b",
    system_fingerprint: null,
    choices: [{ index: 0, message, logprobs: null, finish_reason: "length" }],
    usage,
  };
  const whole = (completion: boolean): unknown =>
    JSON.parse(textOf(reading({ completion }).whole(200, bytesOf(JSON.stringify(answer)))));
  assertEquals(whole(false), { ...answer, id: "chatcmpl-e2" });
  assertEquals(whole(true), {
    ...answer,
    object: "text_completion",
    choices: [{ index: 0, text: "t0 t1", logprobs: null, finish_reason: "length" }],
  });
});

Deno.test("a stream that was asked for in place of a whole answer is joined, without counts", () => {
  for (const completion of [false, true]) {
    const read = reading({ completion, join: true });
    for (const piece of [chunk(" t0"), chunk(" t1\n"), chunk(null, "stop") + DONE]) {
      read.events(bytesOf(piece));
    }
    const { choices: [choice], ...rest } = JSON.parse(textOf(read.joined!.make()));
    assertEquals(rest, {
      id: completion ? "cmpl-4728ed9f" : "chatcmpl-4728ed9f",
      object: completion ? "text_completion" : "chat.completion",
      created: 5,
      model: "stub-7b",
      system_fingerprint: null,
    });
    const { text, message, finish_reason, index } = choice;
    assertEquals([finish_reason, index], ["stop", 0]);
    assertEquals(
      completion ? text : message,
      completion ? "t0 t1" : { role: "assistant", content: "t0 t1" },
    );
  }
});
