import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { readTarget, type Target } from "../../../src/api/target.ts";
import { RouterError } from "../../../src/errors.ts";
import { readHead } from "../../../src/proxy/request_head.ts";

interface Raw {
  host?: string;
  /** What stands after `http://host` in `request.url`, as Deno builds it. */
  rest?: string;
  url?: string;
  method?: string;
  headers?: Record<string, string>;
}

/** A request as Deno's server makes it: its url is not normalised, so `Request` cannot be used. */
function arrived(
  { host = "router:8000", rest = "/v1/models", url, method = "GET", headers = {} }: Raw,
): Request {
  return {
    method,
    url: url ?? `http://${host}${rest}`,
    headers: new Headers(host === "" ? headers : { host, ...headers }),
  } as Request;
}

function targetOf(raw: Raw): Target {
  const request = arrived(raw);
  return readTarget(request, readHead(request.headers));
}

/** The same for a Host that `Headers` would not take. */
function targetFor(host: string): Target {
  const request = { method: "GET", url: `http://${host}/v1/models` } as Request;
  return readTarget(request, { ...(host === "" ? {} : { host }), passing: [] });
}

function refusal(raw: Raw): RouterError {
  return assertThrows(() => targetOf(raw), RouterError);
}

const HOSTS = [
  "router",
  "router:8000",
  "127.0.0.1:8000",
  "ROUTER.example.com:80",
  "[::1]",
  "[::1]:8000",
  "[fe80::1.2.3.4]:1",
  "a_b.c-d~e:65535",
  "router:0",
  "router:",
  "[::1]:",
];

for (const host of HOSTS) {
  Deno.test(`Host ${host} is accepted`, () => {
    assertEquals(targetOf({ host }), { path: "/v1/models", query: "" });
  });
}

const BAD_HOSTS = [
  " ",
  "a b",
  "x/admin/drain?",
  "x/admin?",
  "x/admin",
  "x#",
  "x/admin#",
  "x?",
  "a@b",
  "a/b@c",
  "user:password@x",
  "[::1",
  "::1",
  "[]",
  "[::1]8000",
  "[x]",
  "x:99999",
  "x:65536",
  "x:-1",
  "x:8000:8000",
  "x:8o",
  "x:+80",
  "x:000080",
  ":8000",
  "x,y",
  "x, x",
  "x\\y",
  "x%2fy",
  "x\t",
  "ex\u00e4mple",
  "http://x",
];

for (const host of BAD_HOSTS) {
  Deno.test(`Host ${JSON.stringify(host)} is refused`, () => {
    const error = assertThrows(() => targetFor(host), RouterError);
    assertEquals([error.code, error.status], ["bad_request", 400]);
  });
}

const TARGETS: [rest: string, path: string, query: string][] = [
  ["/", "/", ""],
  ["/v1/models?a=b", "/v1/models", "?a=b"],
  ["/v1/models?", "/v1/models", "?"],
  ["/a?b?c#d", "/a", "?b?c#d"],
  ["/v1/../admin", "/v1/../admin", ""],
  ["/v1/%2e%2e/admin", "/v1/%2e%2e/admin", ""],
  ["/v1\\..\\admin", "/v1\\..\\admin", ""],
  ["//v1//models", "//v1//models", ""],
  ["/models/a%2fb", "/models/a%2fb", ""],
  ["/#/x", "/#/x", ""],
];

for (const [rest, path, query] of TARGETS) {
  Deno.test(`the target ${rest} is taken as it is, nothing decoded or resolved`, () => {
    assertEquals(targetOf({ rest }), { path, query });
  });
}

Deno.test("a target in absolute form is accepted if it names the host of the Host header, in any case", () => {
  const url = "http://ROUTER:8000/v1/models?x";
  assertEquals(targetOf({ url }), { path: "/v1/models", query: "?x" });
});

for (
  const url of [
    "http://evil/v1/models",
    "http://router:80001/v1/models",
    "http://router:8000.evil/v1/models",
    "http://router:8000@evil/v1/models",
    "http://router:8000?/v1/models",
    "http://router:8000",
    "http://router:8000*",
    "https://router:8000/v1/models",
    "ftp://router:8000/v1/models",
    "router:8000/v1/models",
    "",
    "*",
  ]
) {
  Deno.test(`the target ${JSON.stringify(url)} is refused under another Host`, () => {
    assertEquals(refusal({ url }).code, "bad_request");
  });
}

const FRAMINGS: [headers: Record<string, string>, code: string | undefined][] = [
  [{ "content-length": "5" }, undefined],
  [{ "transfer-encoding": "chunked" }, undefined],
  [{ "transfer-encoding": "CHUNKED" }, undefined],
  [{ "transfer-encoding": "chunked", "content-length": "5" }, "bad_request"],
  [{ "transfer-encoding": "gzip, chunked" }, "not_implemented"],
  [{ "transfer-encoding": "gzip, chunked", "content-length": "5" }, "not_implemented"],
  [{ "transfer-encoding": "chunked, chunked" }, "not_implemented"],
  [{ "transfer-encoding": "xchunked" }, "not_implemented"],
  [{ "transfer-encoding": "identity" }, "not_implemented"],
  [{ "transfer-encoding": "" }, "not_implemented"],
];

for (const [headers, code] of FRAMINGS) {
  Deno.test(`framing ${JSON.stringify(headers)} is ${code ?? "accepted"}`, () => {
    const raw = { method: "POST", headers };
    if (code === undefined) targetOf(raw);
    else assertEquals(refusal(raw).code, code);
  });
}

for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]) {
  Deno.test(`method ${method} is left to the routes`, () => {
    targetOf({ method });
  });
}

for (const method of ["FOO", "get", "CONNECT", "", "PRI"]) {
  Deno.test(`method ${JSON.stringify(method)} is not implemented`, () => {
    assertEquals([refusal({ method }).code, refusal({ method }).status], ["not_implemented", 501]);
  });
}

Deno.test("promise 29: no Host makes another path of the one that was asked for", () => {
  const hosts = fc.string({
    unit: fc.constantFrom(...":/?#@[]%\\. ,;*ax1".split("")),
    maxLength: 10,
  });
  fc.assert(
    fc.property(hosts, (host) => {
      try {
        assertEquals(targetFor(host), { path: "/v1/models", query: "" });
      } catch (error) {
        assert(error instanceof RouterError && error.code === "bad_request", String(error));
      }
    }),
    { seed: 71, numRuns: 1000 },
  );
});
