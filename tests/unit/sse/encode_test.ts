import { assertEquals } from "@std/assert";
import { encodeErrorEvent } from "../../../src/sse/encode.ts";
import { textOf } from "./support.ts";

const ERROR = {
  message: "line\nbreak\r ä \u2028",
  type: "upstream_error",
  code: "upstream_broken",
};

Deno.test("an error event is one line of data with message, type and code, whatever the message holds", () => {
  const text = textOf(encodeErrorEvent(ERROR));
  assertEquals(text.split(/\r\n|\r|\n/).length, 3);
  assertEquals(text.slice(0, 6) + text.slice(-2), "data: \n\n");
  assertEquals(JSON.parse(text.slice(6)), { error: ERROR });
});

Deno.test("an error event says nothing else of an error that has more", () => {
  const more = { ...ERROR, stack: "secret" };
  assertEquals(textOf(encodeErrorEvent(more)).includes("secret"), false);
});

Deno.test("an error event after half an event first ends that one", () => {
  const plain = textOf(encodeErrorEvent(ERROR));
  assertEquals(textOf(encodeErrorEvent(ERROR, { openEvent: true })), `\n\n${plain}`);
});
