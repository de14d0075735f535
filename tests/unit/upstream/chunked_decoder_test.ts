import { assertEquals, assertThrows } from "@std/assert";
import { ChunkedDecoder } from "../../../src/upstream/chunked_decoder.ts";
import { UpstreamError } from "../../../src/upstream/upstream_error.ts";
import { latin1, latin1Bytes } from "../../support/raw_peer.ts";
import { splits } from "./support.ts";

/** The data of the pieces, and how many bytes of the last one were understood. */
function decode(pieces: readonly string[]): { text: string; done: boolean; left: string } {
  const decoder = new ChunkedDecoder();
  let text = "";
  let left = "";
  for (const piece of pieces) {
    const bytes = latin1Bytes(`##${piece}##`);
    const end = decoder.decode(bytes, 2, bytes.length - 2);
    text += latin1(bytes.subarray(2, end));
    if (decoder.failed) decoder.decode(bytes, decoder.consumed, bytes.length - 2);
    left += latin1(bytes.subarray(decoder.consumed, bytes.length - 2));
  }
  return { text, done: decoder.done, left };
}

Deno.test("ChunkedDecoder gives the data of every form of chunk, split anywhere", () => {
  const body = "5\r\nhello\r\n" + 'C;name=value;x="a;b"\r\n, \r\nworld\r\n!\r\n' +
    "00001 \t;\r\n.\r\n" +
    "a\r\n0\r\n\r\n0\r\n\r\n\r\n" + "0;last\r\nTrailer: one\r\nother: two\r\n\r\n";
  for (const plan of splits(body)) {
    assertEquals(decode(plan), {
      text: "hello, \r\nworld\r\n!.0\r\n\r\n0\r\n\r\n",
      done: true,
      left: "",
    });
  }
});

Deno.test("ChunkedDecoder stops behind the last chunk and leaves what follows", () => {
  const left = decode(["1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"]).left;
  assertEquals(left, "HTTP/1.1 200 OK\r\n");
});

const BAD: [name: string, body: string][] = [
  ["a missing CRLF after the data", "5\r\nhello0\r\n\r\n"],
  ["LF alone after the data", "5\r\nhello\n0\r\n\r\n"],
  ["CR alone after the data", "5\r\nhello\r0\r\n\r\n"],
  ["another byte in place of CR after the data", "5\r\nhelloX\n0\r\n\r\n"],
  ["another byte in place of LF after the data", "5\r\nhello\rX0\r\n\r\n"],
  ["LF alone after the size", "5\nhello\r\n0\r\n\r\n"],
  ["CR alone after the size", "5\rhello\r\n0\r\n\r\n"],
  ["a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["a size with a plus", "+5\r\nhello\r\n0\r\n\r\n"],
  ["a negative size", "-5\r\nhello\r\n0\r\n\r\n"],
  ["an empty size", "\r\nhello\r\n0\r\n\r\n"],
  ["an empty size with an extension", ";x\r\nhello\r\n0\r\n\r\n"],
  ["a size with an underscore", "1_0\r\n"],
  ["a size beyond hex", "g\r\n"],
  ["a space before the size", " 5\r\nhello\r\n0\r\n\r\n"],
  ["a digit behind a space", "5 5\r\nhello\r\n0\r\n\r\n"],
  ["spaces without end", `5${" ".repeat(5000)}\r\nhello\r\n0\r\n\r\n`],
  ["a huge size", `${"f".repeat(17)}\r\n`],
  ["a size with zeros without end", "0".repeat(100)],
  ["a fraction", "5.0\r\nhello\r\n"],
  ["LF in an extension", "5;a\nhello\r\n0\r\n\r\n"],
  ["an extension without end", `5;${"x".repeat(5000)}`],
  ["trailers without end", `0\r\n${"x: y\r\n".repeat(2000)}`],
  ["a bare LF in a trailer", "0\r\nx: y\n\r\n"],
  ["a bare CR in a trailer", "0\r\nx: y\rz\r\n\r\n"],
  ["a blank line of LF alone", "0\r\n\n"],
  ["a blank line of two CR", "0\r\n\r\r\n"],
  ["a size in digits beyond ASCII", "\xb2\r\n"],
];

for (const [name, body] of BAD) {
  Deno.test(`ChunkedDecoder refuses ${name}`, () => {
    for (const plan of [[body], [...body]]) {
      const error = assertThrows(() => decode(plan), UpstreamError);
      assertEquals([error.kind, error.phase], ["bad_answer", "body"]);
    }
  });
}

Deno.test("ChunkedDecoder is not done before the last byte", () => {
  const body = "1\r\na\r\n0\r\nx: y\r\n\r\n";
  for (let length = 0; length < body.length; length++) {
    assertEquals(decode([body.slice(0, length)]).done, false);
  }
});
