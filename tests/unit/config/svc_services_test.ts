import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../../src/config/config_error.ts";
import { ConfigUnreadable } from "../../../src/config/config_unreadable.ts";
import { readSvcServices } from "../../../src/config/svc_services.ts";

const A = { name: "a", host: "10.0.0.5", port: 8100 };
const PLAIN = { name: "a", url: "http://10.0.0.5:8100", weight: 1, metadata: {} };

function read(file: unknown): ReturnType<typeof readSvcServices> {
  return readSvcServices("s.json", () => JSON.stringify(file));
}

Deno.test("the list may stand alone, under services or under static_services.services, which goes first", () => {
  const b = { ...A, name: "b" };
  assertEquals(read([A]), [PLAIN]);
  assertEquals(read({ services: [A], router: { port: 1 } }), [PLAIN]);
  assertEquals(read({ static_services: { services: [A] }, services: [b] }), [PLAIN]);
  assertEquals(read({ static_services: {}, services: [A] }), [PLAIN]);
});

Deno.test("weight is 1 and metadata empty unless they are given; other members pass", () => {
  assertEquals(read([{ ...A, weight: 0, metadata: { models: ["m"] }, rack: 7 }]), [
    { ...PLAIN, weight: 0, metadata: { models: ["m"] } },
  ]);
  for (const metadata of [null, [], "x", 5]) assertEquals(read([{ ...A, metadata }]), [PLAIN]);
});

Deno.test("hosts are names and addresses, IPv6 with brackets or without", () => {
  const urls = ["node-5.example", "fd00::5", "[fd00::5]", "localhost"].map((host) =>
    read([{ ...A, host }])[0]?.url
  );
  assertEquals(urls, [
    "http://node-5.example:8100",
    "http://[fd00::5]:8100",
    "http://[fd00::5]:8100",
    "http://localhost:8100",
  ]);
});

const WRONG: readonly (readonly [text: string, says: string])[] = [
  ["{", "s.json:1:2: is not JSON: Expected property name or '}'"],
  ["", "s.json:1:1: is not JSON: Unexpected end of JSON input"],
  [
    "{}",
    "s.json:1:1: must be a list of services, alone or under `services` or `static_services.services`, received a mapping",
  ],
  [
    "[5]",
    "s.json:1:2: service 0 must be a mapping with `name`, `host` and `port`, received 5",
  ],
  [
    '{"services": [\n  {"name": "a", "host": "x", "port": "8100"}\n]}',
    's.json:2:38: `port` of service 0 ("a") must be an integer from 1 to 65535, received "8100"',
  ],
  [
    '[{"host": "x", "port": 1}]',
    "s.json:1:2: `name` of service 0 must be text, received nothing",
  ],
  [
    '[{"name": "a", "host": "x/y", "port": 1, "weight": 1001}]',
    's.json:1:52: `weight` of service 0 ("a") must be an integer from 0 to 1000, received 1001\n' +
    's.json:1:24: `host` of service 0 ("a") must be an IP address or a host name, received "x/y"',
  ],
];

for (const [text, says] of WRONG) {
  Deno.test(`a file that holds ${text || "nothing"} is refused with its place`, () => {
    const error = assertThrows(() => readSvcServices("s.json", () => text), ConfigError);
    assertEquals(error.message, says);
  });
}

Deno.test("a file that is not there is named", () => {
  assertThrows(
    () =>
      readSvcServices("s.json", () => {
        throw new Deno.errors.NotFound();
      }),
    ConfigUnreadable,
    "cannot read s.json: there is no such file",
  );
});
