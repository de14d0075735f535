import { assertEquals, assertThrows } from "@std/assert";
import {
  encodeRequest,
  giveBack,
  type UpstreamRequest,
} from "../../../src/upstream/request_head.ts";
import { latin1, latin1Bytes } from "../../support/raw_peer.ts";

/** What is to be written, as text. */
function encoded(request: UpstreamRequest, host: string): string[] {
  const { first, rest } = encodeRequest(request, host);
  const parts = [latin1(first), ...(rest === undefined ? [] : [latin1(rest)])];
  giveBack(first);
  return parts;
}

Deno.test("a request goes out as its head and its body in one buffer, every byte as given", () => {
  const body = latin1Bytes('{"a":"\xc3\xa4\x00"}');
  const request = {
    method: "POST",
    target: "/v1/x?y=%20z",
    headers: [["x-a", "1"], ["x-a", "2"], ["x-latin", "\xe4\xff"]],
    body,
  } as const;
  assertEquals(encoded(request, "host:8000"), [
    "POST /v1/x?y=%20z HTTP/1.1\r\nhost: host:8000\r\nx-a: 1\r\nx-a: 2\r\nx-latin: \xe4\xff\r\n" +
    `content-length: ${body.length}\r\n\r\n{"a":"\xc3\xa4\x00"}`,
  ]);
});

Deno.test("a request without a body has no length, one with an empty body has length 0", () => {
  const get = { method: "GET", target: "/", headers: [] };
  assertEquals(encoded(get, "h"), ["GET / HTTP/1.1\r\nhost: h\r\n\r\n"]);
  assertEquals(encoded({ ...get, method: "POST", body: new Uint8Array() }, "h"), [
    "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n",
  ]);
});

Deno.test("a large body is not copied: it is the second buffer itself", () => {
  const body = new Uint8Array(128 * 1024 + 1);
  const { first, rest } = encodeRequest({ method: "POST", target: "/", headers: [], body }, "h");
  assertEquals(rest === body, true);
  giveBack(first);
  const small = body.subarray(1);
  assertEquals(encoded({ method: "POST", target: "/", headers: [], body: small }, "h").length, 1);
});

Deno.test("requests that are written at the same time have buffers of their own, later ones the first's", () => {
  const request = (body: string): UpstreamRequest => ({
    method: "POST",
    target: "/",
    headers: [],
    body: latin1Bytes(body),
  });
  const one = encodeRequest(request("one"), "h");
  const two = encodeRequest(request("two"), "h");
  assertEquals([latin1(one.first).slice(-3), latin1(two.first).slice(-3)], ["one", "two"]);
  giveBack(two.first);
  giveBack(one.first);
  const latin = { ...request("x"), headers: [["x-a", "\u0100"]] } as const;
  assertThrows(() => encodeRequest(latin, "h"), TypeError);
  const three = encodeRequest(request("three"), "h");
  assertEquals(three.first.buffer, one.first.buffer, "what cannot be encoded keeps nothing");
  giveBack(three.first);
});
