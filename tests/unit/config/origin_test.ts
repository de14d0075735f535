import { assertEquals } from "@std/assert";
import { parseOrigin } from "../../../src/config/origin.ts";

const GOOD: readonly (readonly [written: string, origin: string])[] = [
  ["*", "*"],
  ["https://ui.example", "https://ui.example"],
  ["https://UI.example:443", "https://ui.example"],
  ["http://ui.example:80", "http://ui.example"],
  ["http://127.0.0.1:3000", "http://127.0.0.1:3000"],
  ["http://[::1]:3000", "http://[::1]:3000"],
  ["https://müller.example", "https://xn--mller-kva.example"],
  ["chrome-extension://ABCdef", "chrome-extension://abcdef"],
  ["tauri://localhost", "tauri://localhost"],
];

Deno.test("an origin is read in the spelling that browsers send", () => {
  for (const [written, origin] of GOOD) {
    assertEquals([written, parseOrigin(written)], [written, origin]);
  }
});

Deno.test("what is not an origin alone is none", () => {
  const bad = [
    "",
    "ui.example",
    "localhost:3000",
    "https://",
    "https://ui.example/",
    "https://ui.example/chat",
    "https://ui.example?x",
    "https://ui.example#x",
    "https://user@ui.example",
    "https://*.ui.example",
    "https://ui.example https://b.example",
    "https://ui.example, https://b.example",
    "https://ui.example:99999",
    "**",
    "null",
  ];
  for (const written of bad) assertEquals([written, parseOrigin(written)], [written, undefined]);
});
