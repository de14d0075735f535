import { assertEquals } from "@std/assert";
import { encodeEvent } from "../../../src/sse/encode.ts";
import { textOf } from "./support.ts";

Deno.test("an event has its data as one line, whatever that holds", () => {
  const data = { message: "line\nbreak\r ä \u2028" };
  const text = textOf(encodeEvent(data));
  assertEquals(text.split(/\r\n|\r|\n/).length, 3);
  assertEquals(text.slice(0, 6) + text.slice(-2), "data: \n\n");
  assertEquals(JSON.parse(text.slice(6)), data);
});

Deno.test("an event has its name before its data, if it has one", () => {
  assertEquals(textOf(encodeEvent(1, { event: "error" })), "event: error\ndata: 1\n\n");
});

Deno.test("an event after half an event first ends that one", () => {
  assertEquals(textOf(encodeEvent(1, { openEvent: true })), "\n\ndata: 1\n\n");
});
