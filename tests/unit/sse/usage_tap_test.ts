import { assertEquals } from "@std/assert";
import { type Usage, usageAtEnd, usageOf, UsageTap } from "../../../src/sse/usage_tap.ts";
import { bytesOf } from "./support.ts";

const USAGE = '{"usage":{"prompt_tokens":7,"completion_tokens":3}}';
const FOUND: Usage = { promptTokens: 7, completionTokens: 3 };

const STREAMS: [name: string, pieces: string[], usage: Usage | undefined][] = [
  ["in the last event but one", [`data: {}\n\n`, `data: ${USAGE}\n\n`, "data: [DONE]\n\n"], FOUND],
  ["in one piece with the end", [`data: {}\n\ndata: ${USAGE}\n\ndata: [DONE]\n\n`], FOUND],
  ["without a space", [`data:${USAGE}\n\n`], FOUND],
  ["with CRLF", [`data: ${USAGE}\r\n\r\ndata: [DONE]\r\n\r\n`], FOUND],
  ["with CR", [`data: ${USAGE}\r\rdata: [DONE]\r\r`], FOUND],
  ["in an event without its blank line", [`data: ${USAGE}\n`], FOUND],
  ["before events whose usage is null", [`data: ${USAGE}\n\n`, 'data: {"usage":null}\n\n'], FOUND],
  [
    "twice: the last counts",
    ['data: {"usage":{"prompt_tokens":1}}\n\n', `data: ${USAGE}\n\n`],
    FOUND,
  ],
  ["in other words", ['data: {"usage":{"input_tokens":7,"output_tokens":3}}\n\n'], FOUND],
  ["only in part", ['data: {"usage":{"prompt_tokens":7}}\n\n'], {
    promptTokens: 7,
    completionTokens: undefined,
  }],
  ["that are no counts", ['data: {"usage":{"prompt_tokens":-1,"completion_tokens":1.5}}\n\n'], {
    promptTokens: undefined,
    completionTokens: undefined,
  }],
  ["never", ["data: {}\n\n", "data: [DONE]\n\n"], undefined],
  ["in a comment only", [`: ${USAGE}\n\n`], undefined],
  ["in text only", ['data: {"text":"\\"usage\\""}\n\n'], undefined],
  ["in something that is not JSON", ['data: {"usage":\n\n'], undefined],
  ["in null and lists", ['data: null\n\ndata: ["usage"]\n\ndata: "usage"\n\n'], undefined],
  ["far before the end", [`data: ${USAGE}\n\n`, ...Array(10).fill("data: {}\n\n")], undefined],
];

for (const [name, pieces, usage] of STREAMS) {
  Deno.test(`UsageTap on a stream with its counts ${name}`, () => {
    const tap = new UsageTap();
    for (const piece of pieces) tap.tap(bytesOf(piece));
    assertEquals(tap.usage(), usage);
  });
}

Deno.test("UsageTap does not edit what it sees", () => {
  const tap = new UsageTap();
  const piece = bytesOf(`data: ${USAGE}\n\n`);
  const before = piece.slice();
  tap.tap(piece);
  tap.usage();
  assertEquals(piece, before);
});

Deno.test("UsageTap finds the counts at the end of a large piece", () => {
  const tap = new UsageTap();
  tap.tap(bytesOf(`data: {"x":"${"ä".repeat(100_000)}"}\n\ndata: ${USAGE}\n\n`));
  assertEquals(tap.usage(), FOUND);
});

Deno.test("usageOf gives nothing for what is not an answer with usage", () => {
  for (const json of ["", "null", "1", "[]", "{}", '{"usage":5}', '{"usage":"x"}', "{"]) {
    assertEquals(usageOf(json), undefined, json);
  }
});

Deno.test("UsageTap forgets what is far back, by bytes as by pieces", () => {
  const tap = new UsageTap();
  tap.tap(bytesOf(`data: ${USAGE}\n\n`));
  tap.tap(bytesOf(`data: "${"x".repeat(40_000)}"\n\n`));
  assertEquals(tap.usage(), FOUND);
  tap.tap(bytesOf(`data: "${"x".repeat(40_000)}"\n\n`));
  assertEquals(tap.usage(), undefined);
});

const WHOLE: [name: string, json: string, usage: Usage | undefined][] = [
  ["at its end", `{"text":"${"x".repeat(5000)}",${USAGE.slice(1)}`, FOUND],
  [
    "with details in it, and fields behind it",
    '{"usage":{"prompt_tokens":7,"prompt_tokens_details":{"cached_tokens":1},"completion_tokens":3},"x":null}',
    FOUND,
  ],
  ["with blanks in it", '{"a": 1, "usage": {"prompt_tokens": 7, "completion_tokens": 3}}', FOUND],
  ["far before its end", `{"usage":${USAGE.slice(9, -1)},"text":"${"x".repeat(5000)}"}`, FOUND],
  ["in its text only", `{"text":"${JSON.stringify(USAGE).slice(1, -1)}"}`, undefined],
  ["null", '{"usage":null}', undefined],
  [
    "far before the end of a large one",
    `{${USAGE.slice(1, -1)},"text":"${"x".repeat(70_000)}"}`,
    undefined,
  ],
  ["at the end of a large one", `{"text":"${"ä".repeat(70_000)}",${USAGE.slice(1)}`, FOUND],
  ["nowhere, as it is cut off", '{"usage":{"prompt_tokens":7', undefined],
];

for (const [name, json, usage] of WHOLE) {
  Deno.test(`usageAtEnd of a whole answer that has it ${name}`, () => {
    assertEquals(usageAtEnd(bytesOf(json)), usage);
  });
}
