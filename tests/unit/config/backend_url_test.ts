import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseBackendUrl } from "../../../src/config/backend_url.ts";

fc.configureGlobal({ seed: 20250601 });

Deno.test("parseBackendUrl takes an address apart", () => {
  assertEquals(parseBackendUrl("http://10.0.0.5:8100"), {
    url: "http://10.0.0.5:8100",
    host: "10.0.0.5",
    port: 8100,
    basePath: "",
    defaultName: "10.0.0.5_8100",
  });
});

Deno.test("parseBackendUrl fills in port 80 and writes the host in lower case", () => {
  assertEquals(parseBackendUrl("HTTP://Node-7.Cluster.local"), {
    url: "http://node-7.cluster.local:80",
    host: "node-7.cluster.local",
    port: 80,
    basePath: "",
    defaultName: "node-7.cluster.local_80",
  });
});

Deno.test("parseBackendUrl takes the brackets of an IPv6 address off the host only", () => {
  assertEquals(parseBackendUrl("http://[fd00::1]:8100/v1"), {
    url: "http://[fd00::1]:8100",
    host: "fd00::1",
    port: 8100,
    basePath: "",
    defaultName: "fd00__1_8100",
  });
});

Deno.test("parseBackendUrl keeps a path prefix and cuts /v1 and slashes off its end", () => {
  const paths = new Map([
    ["", ""],
    ["/", ""],
    ["/v1", ""],
    ["/v1/", ""],
    ["/gpu", "/gpu"],
    ["/gpu/", "/gpu"],
    ["/gpu/v1/", "/gpu"],
    ["/v1/gpu", "/v1/gpu"],
    ["/gpuv1", "/gpuv1"],
  ]);
  for (const [written, basePath] of paths) {
    const url = parseBackendUrl(`http://a:1${written}`);
    assert("basePath" in url, written);
    assertEquals(url.basePath, basePath);
    assertEquals(url.url, `http://a:1${basePath}`);
  }
});

Deno.test("parseBackendUrl refuses what may hold a secret without letting it be shown", () => {
  for (const text of ["http://u:p@a", "u:p@a", "https://u:p@a", "http://a/?key=p", "http://a/#p"]) {
    const url = parseBackendUrl(text);
    assert("refusal" in url && url.secret, text);
  }
});

Deno.test("parseBackendUrl refuses other schemes, bad ports and what the URL parser would mend", () => {
  for (
    const text of ["", "a:8100", "http:/a", "http:///a", "https://a", "ftp://a", "http://a:0"]
      .concat([
        "http://a:65536",
        "http://a:x",
        "http://a b",
        "http://a\\b",
        "http://a/\n",
        "http://[::1",
      ])
      .concat(["http://bücher", "http://[::1]:0"])
  ) {
    assert("refusal" in parseBackendUrl(text), text);
  }
});

Deno.test("parseBackendUrl gives a name of at most 64 characters that still tells ports apart", () => {
  const url = parseBackendUrl(`http://${"a".repeat(60)}.${"b".repeat(60)}:8100`);
  assert("defaultName" in url);
  assertEquals(url.defaultName.length, 64);
  assert(url.defaultName.endsWith("_8100"));
});

Deno.test("parseBackendUrl reads its own result back as the same", () => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6().map((ip) => `[${ip}]`), fc.domain());
  const path = fc.stringMatching(/^(\/[a-z0-9]{1,5}){0,3}\/?$/);
  fc.assert(fc.property(host, fc.integer({ min: 1, max: 65535 }), path, (host, port, path) => {
    const url = parseBackendUrl(`http://${host}:${port}${path}`);
    // A prefix that ends in /v1/v1 loses one of them each time.
    fc.pre("url" in url && !/\/v1$/.test(url.basePath));
    assertEquals("url" in url && parseBackendUrl(url.url), url);
  }));
});

Deno.test("parseBackendUrl never throws", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    parseBackendUrl(text);
    parseBackendUrl(`http://${text}`);
  }));
});
