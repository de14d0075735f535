import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { interpolate, type Interpolated } from "../../../src/config/interpolate.ts";

fc.configureGlobal({ seed: 20250601 });

const VARIABLES: Record<string, string> = { PORT: "8000", EMPTY: "", NESTED: "${PORT}" };
const FILES: Record<string, string> = { "/key": "secret\n", "/lines": "a\r\nb\r\n\r\n" };

function run(value: unknown): Interpolated {
  return interpolate(value, {
    env: (name) => VARIABLES[name],
    readFile: (path) => {
      const content = FILES[path];
      if (content === undefined) throw new Error("there is no such file");
      return content;
    },
  });
}

Deno.test("interpolate puts environment variables into texts at any depth", () => {
  const { value, problems } = run({ a: ["x${PORT}y", { b: "${PORT}${PORT}" }], c: 5, d: null });
  assertEquals(value, { a: ["x8000y", { b: "80008000" }], c: 5, d: null });
  assertEquals(problems, []);
});

Deno.test("interpolate uses the default for a variable that is not set or empty", () => {
  assertEquals(run("${NONE:-a:-b}").value, "a:-b");
  assertEquals(run("${EMPTY:-x}").value, "x");
  assertEquals(run("${PORT:-1}").value, "8000");
  assertEquals(run("${NONE:-}").value, "");
  assertEquals(run("${EMPTY}").value, "");
});

Deno.test("interpolate puts in a file without its last line break and remembers that", () => {
  const { value, replaced } = run({ key: "${file:/key}", lines: "${file:/lines}" });
  assertEquals(value, { key: "secret", lines: "a\r\nb\r\n" });
  assertEquals([...replaced], [['["key"]', { fromFile: true }], ['["lines"]', { fromFile: true }]]);
});

Deno.test("interpolate writes a literal ${ for $${ and leaves every other $ alone", () => {
  assertEquals(run("$${PORT}").value, "${PORT}");
  assertEquals(run("$ $$ $PORT $5 {PORT}").value, "$ $$ $PORT $5 {PORT}");
});

Deno.test("interpolate does not look again at what it put in", () => {
  assertEquals(run("${NESTED}").value, "${PORT}");
});

Deno.test("interpolate leaves keys alone, and __proto__ is one like any other", () => {
  const { value } = run(JSON.parse('{"${PORT}": "${PORT}", "__proto__": {"a": "${PORT}"}}'));
  assertEquals(JSON.stringify(value), '{"${PORT}":"8000","__proto__":{"a":"8000"}}');
});

Deno.test("interpolate tells the place and the reason of everything it cannot put in", () => {
  const { problems } = run([
    "${NONE}",
    "${file:/no}",
    "${",
    "${1A}",
    "${}",
    "${PORT:x}",
    "${file:}",
  ]);
  assertEquals(problems.map(({ path }) => path), [[0], [1], [2], [3], [4], [5], [6]]);
  assertEquals(
    problems.slice(0, 2).map(({ message }) => message),
    [
      "needs the environment variable `NONE`, which is not set (`${NONE:-…}` gives a default)",
      "names the file `/no`: there is no such file",
    ],
  );
});

Deno.test("interpolate leaves every text without ${ as it is", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    fc.pre(!text.includes("${"));
    assertEquals(run(text), { value: text, replaced: new Map(), problems: [] });
  }));
});
