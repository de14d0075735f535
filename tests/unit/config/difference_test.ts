import { assertEquals } from "@std/assert";
import type { Config } from "../../../src/config/config.ts";
import { difference } from "../../../src/config/difference.ts";
import { parseConfig } from "../../../src/config/load.ts";

const BEFORE = `
listen: { host: 127.0.0.1, port: 8000 }
backends:
  - { name: a, url: "http://10.0.0.1:8100", weight: 1, api_key: sk-secret-1 }
  - { name: b, url: "http://10.0.0.2:8100" }
timeouts: { idle: 2m }
`;

function parsed(text: string): Config {
  return parseConfig(text, "c.yaml");
}

const CHANGES: [what: string, from: string, to: string, changes: string[], restart: string[]][] = [
  ["nothing", "", "", [], []],
  ["a weight", "weight: 1", "weight: 2", ["backend a: weight 1 -> 2"], []],
  ["an address", "10.0.0.1:8100", "10.0.0.1:8200", [
    "backend a: url http://10.0.0.1:8100 -> http://10.0.0.1:8200, port 8100 -> 8200",
  ], []],
  ["a key, which is not told", "sk-secret-1", "sk-secret-2", ["backend a: api_key changed"], []],
  ["a name", "name: b", "name: c", ["+ backend c", "- backend b"], []],
  ["a duration", "idle: 2m", "idle: 90s", [
    "timeouts.idle 2m -> 90s",
    "timeouts.client_stall 2m -> 90s",
  ], []],
  ["a section", "timeouts: { idle: 2m }", "cors: { origins: ['*'] }", [
    'cors.origins [] -> ["*"]',
  ], []],
  ["a source", "timeouts:", "discovery: [{ file: { path: x } }]\ntimeouts:", ["+ source file"], []],
  ["the port", "port: 8000", "port: 8001", [], ["listen.port"]],
  ["what learns", "timeouts:", "state_file: /tmp/x\ntimeouts:", [], ["state_file"]],
];

for (const [what, from, to, changes, restart] of CHANGES) {
  Deno.test(`a change of ${what} is told: ${[...changes, ...restart].join("; ")}`, () => {
    const after = BEFORE.replace(from, to);
    assertEquals(difference(parsed(BEFORE), parsed(after)), { changes, restart });
  });
}
