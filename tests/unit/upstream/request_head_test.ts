import { assertEquals } from "@std/assert";
import { encodeRequest } from "../../../src/upstream/request_head.ts";
import { latin1, latin1Bytes } from "../../support/raw_peer.ts";

Deno.test("a request goes out as its head and its body in one buffer, every byte as given", () => {
  const body = latin1Bytes('{"a":"\xc3\xa4\x00"}');
  const parts = encodeRequest({
    method: "POST",
    target: "/v1/x?y=%20z",
    headers: [["x-a", "1"], ["x-a", "2"], ["x-latin", "\xe4\xff"]],
    body,
  }, "host:8000");
  assertEquals(parts.map(latin1), [
    "POST /v1/x?y=%20z HTTP/1.1\r\nhost: host:8000\r\nx-a: 1\r\nx-a: 2\r\nx-latin: \xe4\xff\r\n" +
    `content-length: ${body.length}\r\n\r\n{"a":"\xc3\xa4\x00"}`,
  ]);
});

Deno.test("a request without a body has no length, one with an empty body has length 0", () => {
  const get = { method: "GET", target: "/", headers: [] };
  assertEquals(encodeRequest(get, "h").map(latin1), ["GET / HTTP/1.1\r\nhost: h\r\n\r\n"]);
  assertEquals(encodeRequest({ ...get, method: "POST", body: new Uint8Array() }, "h").map(latin1), [
    "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n",
  ]);
});

Deno.test("a large body is not copied: it is the second buffer itself", () => {
  const body = new Uint8Array(128 * 1024 + 1);
  const parts = encodeRequest({ method: "POST", target: "/", headers: [], body }, "h");
  assertEquals(parts.length, 2);
  assertEquals(parts[1] === body, true);
  const small = body.subarray(1);
  assertEquals(
    encodeRequest({ method: "POST", target: "/", headers: [], body: small }, "h").length,
    1,
  );
});
