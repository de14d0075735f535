import { assertEquals } from "@std/assert";
import { ENDPOINTS } from "../../../src/engine/endpoints.ts";
import { StreamEnd } from "../../../src/engine/stream_end.ts";
import { bytesOf } from "../sse/support.ts";

function endOf(path: string, options: { untilClose?: boolean } = {}): StreamEnd {
  return new StreamEnd(ENDPOINTS.find((endpoint) => endpoint.path === path)!, options);
}

/** Whether these pieces end such a stream. */
function reaches(path: string, ...pieces: readonly string[]): boolean {
  const end = endOf(path);
  for (const piece of pieces) end.see(bytesOf(piece));
  return end.reached;
}

const COMPLETED = '{"response":{"id":"r"},"sequence_number":4,"type":"response.completed"}';

const LAST: readonly (readonly [path: string, events: string])[] = [
  ["/chat/completions", "data: [DONE]\n\n"],
  ["/chat/completions", "data:[DONE]\r\n\r\n"],
  ["/chat/completions", "data: [DONE]\r\r"],
  ["/chat/completions", 'data: {"a":1}\n\ndata: [DONE]\n\n: bye\n\n'],
  ["/chat/completions", "id: 7\nevent: done\ndata: [DONE]\n\n"],
  ["/completions", "data: [DONE]\n\n"],
  ["/embeddings", "data: [DONE]\n\n"],
  ["/messages", 'event: message_stop\ndata: {"type":"message_stop"}\n\n'],
  ["/messages", 'event:message_stop \r\ndata: {"type":"message_stop"}\r\n\r\n'],
  ["/messages", 'data: {"type": "message_stop"}\n\n'],
  ["/messages", 'event: ping\ndata: {}\n\ndata: {"type":"message_stop"}\n\n'],
  ["/chat/completions", "data: {}\r\rdata: [DONE]\n\n"],
  ["/responses", `event: response.completed\ndata: ${COMPLETED}\n\n`],
  ["/responses", `data: ${COMPLETED}\nevent: response.completed\n\n`],
  ["/responses", `data: ${COMPLETED}\n\n`],
  ["/responses", 'data: {"type":"response.failed"}\n\n'],
  ["/responses", "event: response.incomplete\ndata: {}\n\n"],
  ["/audio/speech", 'data: {"type":"speech.audio.done"}\n\n'],
];

for (const [path, events] of LAST) {
  Deno.test(`a stream of ${path} is whole behind ${JSON.stringify(events)}`, () => {
    assertEquals(reaches(path, "data: {}\n\n", events), true);
  });
}

const NOT_LAST: readonly (readonly [path: string, events: string])[] = [
  ["/chat/completions", 'data: {"content":"data: [DONE]"}\n\n'],
  ["/chat/completions", ": [DONE]\n\n"],
  ["/chat/completions", "event: message_stop\ndata: {}\n\n"],
  ["/messages", 'event: content_block_stop\ndata: {"type":"content_block_stop"}\n\n'],
  ["/messages", 'event: x\ndata: {"text":"\\"type\\":\\"message_stop\\""}\n\n'],
  ["/responses", 'data: {"delta":"{\\"type\\":\\"response.completed\\"}"}\n\n'],
  ["/responses", 'event: response.in_progress\ndata: {"type":"response.in_progress"}\n\n'],
  ["/messages", "event: message_stop\n"],
  ["/messages", 'event: message_stop\ndata: {"type":"message_stop"}\n'],
  ["/responses", 'data: {"type":"response.completed","response":{"id":'],
  ["/chat/completions", "data: [DONE]"],
  [
    "/responses",
    'data: {"response":{"metadata":{"type":"response.completed"}},"type":"response.created"}\n\n',
  ],
  ["/images/generations", "event: image_generation.completed\ndata: {}\n\n"],
];

for (const [path, events] of NOT_LAST) {
  Deno.test(`a stream of ${path} goes on behind ${JSON.stringify(events)}`, () => {
    assertEquals(reaches(path, events), false);
  });
}

Deno.test("a stream lacks its end until that has come, if it is known what that is", () => {
  for (const path of ["/chat/completions", "/messages", "/responses"]) {
    const end = endOf(path);
    assertEquals(end.missing, true);
    end.see(bytesOf("data: [DONE]\n\n"));
    assertEquals(end.missing, false);
  }
  assertEquals(endOf("/images/generations").missing, false);
});

Deno.test("of a stream that ends with its connection, the end of a choice is enough, half an event too little", () => {
  const finished = 'data: {"choices":[{"delta":{},"finish_reason": "stop"}]}\n\n';
  const cases: readonly (readonly [path: string, events: string, rest: string, cut: boolean])[] = [
    ["/chat/completions", 'data: {"finish_reason":null}\n\n', "", true],
    ["/chat/completions", finished, "", false],
    ["/chat/completions", `${finished}data: {"usage":{}}\n\n`, "", false],
    ["/chat/completions", finished, "data: [DO", true],
    ["/chat/completions", "data: {}\n\n", "data: [DONE]\n", false],
    ["/chat/completions", 'data: {"finish_reason":""}\n\n', "", true],
    ["/messages", "", "event: message_stop\ndata: {}\n", true],
    ["/messages", "event: message_start\ndata: {}\n\n", "", true],
    ["/images/generations", "data: {}\n\n", "", false],
    ["/images/generations", "data: {}\n\n", "da", true],
  ];
  for (const [path, events, rest, cut] of cases) {
    const end = endOf(path, { untilClose: true });
    end.see(bytesOf(events));
    if (rest !== "") end.seeRest(bytesOf(rest));
    assertEquals(end.isCutShort(rest === "" ? undefined : bytesOf(rest)), cut, path + events);
  }
});

Deno.test("an event that passes in pieces ends a stream with its blank line, and its pieces begin no lines", () => {
  const end = endOf("/responses");
  for (const piece of ['event: response.completed\ndata: {"x":"', "event: y\n", "data: [DONE]"]) {
    end.see(bytesOf(piece));
    assertEquals(end.reached, false);
  }
  end.see(bytesOf('"}\n\n'));
  assertEquals(end.reached, true);
  const other = endOf("/chat/completions");
  for (const piece of ['data: {"x":"', "data: [DONE]\n", '"}\n\n']) other.see(bytesOf(piece));
  assertEquals(other.reached, false);
});

Deno.test("a stream's end is found wherever it is cut, with every kind of line end", () => {
  for (const lineEnd of ["\n", "\r\n", "\r"]) {
    const text = `event: a\ndata: {}\n\nevent: response.failed\ndata: {}\n\n`.replaceAll(
      "\n",
      lineEnd,
    );
    const cut = text.indexOf("{}") + 2;
    const end = endOf("/responses");
    for (const piece of [text.slice(0, cut + 1), text.slice(cut + 1)]) end.see(bytesOf(piece));
    assertEquals(end.reached, true, JSON.stringify(lineEnd));
  }
});

Deno.test("a stream's end is found in and behind large pieces, of every kind", () => {
  const many = 'event: a\ndata: {"delta":"x"}\n\n'.repeat(100);
  const ends: readonly (readonly [path: string, event: string])[] = [
    ["/chat/completions", "data: [DONE]\n\n"],
    ["/messages", "event: message_stop\ndata: {}\n\n"],
    ["/responses", 'data: {"type":"response.completed"}\n\n'],
  ];
  for (const [path, event] of ends) {
    assertEquals(reaches(path, many), false);
    assertEquals(reaches(path, many + event + many), true);
    assertEquals(reaches(path, many, event), true);
    assertEquals(
      reaches(path, many.replaceAll("\n", "\r\n"), event.replaceAll("\n", "\r\n")),
      true,
    );
  }
});
