import { assertEquals, assertThrows } from "@std/assert";
import { RouterError } from "../../../src/errors.ts";
import { answerHeaders, requestHeaders, withApiKey } from "../../../src/proxy/headers.ts";
import { readHead } from "../../../src/proxy/request_head.ts";
import type { Header } from "../../../src/upstream/response_head.ts";

const ADDED: Header[] = [
  ["accept-encoding", "identity"],
  ["x-forwarded-for", "10.0.0.9"],
  ["x-request-id", "r-1"],
  ["via", "1.1 router-1"],
];

function forwarded(
  given: [string, string][],
  compression: "identity" | "pass" = "identity",
): readonly Header[] {
  const options = { requestId: "r-1", client: "10.0.0.9", routerId: "router-1", compression };
  return requestHeaders(readHead(new Headers(given)), options);
}

/** A backend's headers as a client gets them, without the three that are always ours. */
function passed(given: Header[], { events = false, whole = false } = {}): Header[] {
  const ours = ["cache-control", "x-accel-buffering", "x-request-id", "x-infinilm-service"];
  return all(given, { events, whole }).filter(([name]) => !ours.includes(name));
}

function all(given: Header[], { events = false, whole = false } = {}): Header[] {
  const headers = answerHeaders(given, { requestId: "r-1", backend: "b", events, whole });
  return Array.isArray(headers) ? headers as unknown as Header[] : Object.entries(headers);
}

const DROPPED: [string, string][] = [
  ["connection", "keep-alive"],
  ["keep-alive", "timeout=5"],
  ["proxy-authenticate", "Basic"],
  ["proxy-authorization", "Basic x"],
  ["proxy-connection", "keep-alive"],
  ["te", "trailers"],
  ["trailer", "x"],
  ["transfer-encoding", "chunked"],
  ["upgrade", "h2c"],
  ["http2-settings", "x"],
  ["host", "router"],
  ["content-length", "5"],
  ["expect", "100-continue"],
  ["x-request-id", "theirs"],
];

for (const [name, value] of DROPPED) {
  Deno.test(`a request's ${name} is not passed on`, () => {
    assertEquals(forwarded([[name, value]]), ADDED);
    assertEquals(forwarded([[name.toUpperCase(), value]]), ADDED);
  });
}

Deno.test("a request's other headers are passed on as they are", () => {
  const given: [string, string][] = [
    ["accept", "*/*"],
    ["authorization", "Bearer x"],
    ["content-type", "application/json"],
    ["user-agent", "x"],
    ["x-latin", "\xe4"],
  ];
  assertEquals(forwarded(given), [...given, ...ADDED]);
});

Deno.test("a request's headers that Connection names are not passed on", () => {
  const given: [string, string][] = [
    ["connection", "X-Secret ,, keep-alive"],
    ["connection", "x-other"],
    ["x-secret", "1"],
    ["x-other", "2"],
    ["x-third", "3"],
  ];
  assertEquals(forwarded(given), [["x-third", "3"], ...ADDED]);
});

for (
  const name of [
    "authorization",
    "Content-Type",
    "content-encoding",
    "content-length",
    "HOST",
    "x-request-id",
  ]
) {
  Deno.test(`a request whose Connection names ${name} is refused`, () => {
    const error = assertThrows(() => forwarded([["connection", `close, ${name}`]]), RouterError);
    assertEquals(error.code, "bad_request");
  });
}

Deno.test("a backend is asked for plain bytes, whatever the client would take, unless that is to pass", () => {
  assertEquals(forwarded([["accept-encoding", "gzip, br"]]), ADDED);
  const passed = forwarded([["accept-encoding", "gzip, br"]], "pass");
  assertEquals(passed, [["accept-encoding", "gzip, br"], ...ADDED.slice(1)]);
  assertEquals(forwarded([], "pass"), ADDED);
});

Deno.test("the client's address is appended to those before it", () => {
  const headers = forwarded([["x-forwarded-for", "1.1.1.1"], ["x-forwarded-for", "2.2.2.2"]]);
  assertEquals(headers.filter(([name]) => name === "x-forwarded-for"), [
    ["x-forwarded-for", "1.1.1.1, 2.2.2.2, 10.0.0.9"],
  ]);
});

Deno.test("a backend's own key stands in for whatever the client sent, and leaves no trace in what others get", () => {
  const headers = forwarded([["authorization", "Bearer client"]]);
  assertEquals(withApiKey(headers, undefined) === headers, true);
  const keyed = withApiKey(headers, "backend");
  assertEquals(keyed.filter(([name]) => name === "authorization"), [
    ["authorization", "Bearer backend"],
  ]);
  assertEquals(headers.find(([name]) => name === "authorization")?.[1], "Bearer client");
  assertEquals(withApiKey(ADDED, "k").at(-1), ["authorization", "Bearer k"]);
});

Deno.test("an answer's hop-by-hop headers and those that Connection names are not passed on", () => {
  const headers = passed([
    ["connection", "keep-alive, X-Hop"],
    ["keep-alive", "timeout=5"],
    ["x-hop", "1"],
    ["transfer-encoding", "chunked"],
    ["trailer", "x"],
    ["te", "x"],
    ["upgrade", "x"],
    ["proxy-authenticate", "x"],
    ["content-type", "application/json"],
    ["location", "http://elsewhere/"],
  ]);
  assertEquals(headers, [
    ["content-type", "application/json"],
    ["location", "http://elsewhere/"],
  ]);
});

Deno.test("an answer's request id and service are ours to say, not its backend's", () => {
  const headers = passed([["x-request-id", "theirs"], ["x-infinilm-service", "theirs"]]);
  assertEquals(headers, []);
  assertEquals(all([["x-request-id", "theirs"]]).slice(1), [
    ["x-request-id", "r-1"],
    ["x-infinilm-service", "b"],
  ]);
});

Deno.test("an answer whose length may change, or that the server counts itself, has no length passed on", () => {
  const length: Header[] = [["content-length", "5"]];
  assertEquals(passed(length), length);
  assertEquals(passed(length, { events: true }), []);
  assertEquals(passed(length, { whole: true }), []);
});

Deno.test("an answer's header may have any name, those that objects have from birth included", () => {
  for (const name of ["__proto__", "constructor", "hasOwnProperty", "200"]) {
    assertEquals(passed([[name, "x"]]), [[name, "x"]]);
  }
});

Deno.test("a stream's caching is ours to say, another answer's is kept and forbidden to be changed", () => {
  const caching: Header[] = [["cache-control", "private"], ["cache-control", "max-age=5"]];
  const said = (events: boolean): Header[] =>
    all(caching, { events }).filter(([name]) => name === "cache-control");
  assertEquals(said(false), [["cache-control", "private, max-age=5, no-transform"]]);
  assertEquals(said(true), [["cache-control", "no-store"]]);
});

Deno.test("an answer's repeated headers are kept, and a repeated length becomes one", () => {
  const headers = passed([
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
    ["content-length", "5, 5"],
    ["content-length", "5"],
    ["x-latin", "\xe4"],
  ]);
  assertEquals(headers, [
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
    ["content-length", "5"],
    ["x-latin", "\xe4"],
  ]);
});

Deno.test("a backend is told to send plain bytes also where Connection takes the client's wish away", () => {
  const headers = requestHeaders(
    readHead(new Headers({ connection: "accept-encoding", "accept-encoding": "gzip" })),
    { requestId: "1", client: "10.0.0.1", routerId: "router-1", compression: "pass" },
  );
  assertEquals(headers.filter(([name]) => name === "accept-encoding"), [[
    "accept-encoding",
    "identity",
  ]]);
});

Deno.test("a router says that a call came by it, and gives back one that it has seen", () => {
  const via = (value: string): string | undefined =>
    forwarded([["via", value]]).find(([name]) => name === "via")?.[1];
  assertEquals(via("1.0 fred, 1.1 other"), "1.0 fred, 1.1 other, 1.1 router-1");
  const error = assertThrows(() => via("1.1 router-1, 1.1 other"), RouterError);
  assertEquals([error.code, error.status, error.retryAfter], ["loop_detected", 503, 1]);
});
