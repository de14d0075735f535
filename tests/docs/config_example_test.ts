import { assert, assertEquals, assertExists, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml";
import { z } from "zod";
import type { KeyPath } from "../../src/config/interpolate.ts";
import { keyDocs } from "../../src/config/key_docs.ts";
import { parseConfig } from "../../src/config/load.ts";
import { configSchema } from "../../src/config/schema.ts";
import { allKeys, keysOf, schemaAt } from "../../src/config/schema_walk.ts";

const TEXT = Deno.readTextFileSync(new URL("../../config.example.yaml", import.meta.url));
const DISCOVERY = Deno.readTextFileSync(new URL("../../docs/discovery.md", import.meta.url));
const VALUE = parse(TEXT, { schema: "core" });

/** Those of sources stand in a page of their own. */
const [keys, sourceKeys] = (() => {
  const isOfSource = ([section, ...rest]: KeyPath): boolean =>
    section === "discovery" && rest.length > 0;
  const all = allKeys(configSchema);
  return [all.filter((key) => !isOfSource(key)), all.filter(isOfSource)];
})();

Deno.test("config.example.yaml is valid as it stands, with no environment at all", () => {
  const config = parseConfig(TEXT, "config.example.yaml", { env: () => undefined });
  assertEquals(config.backends.map(({ url }) => url), [
    "http://127.0.0.1:8100",
    "http://127.0.0.1:8101",
  ]);
});

Deno.test("config.example.yaml has every key of the schema and no other", () => {
  assertEquals(written(VALUE).sort(), keys.map((key) => key.join(".")).sort());
});

Deno.test("config.example.yaml has the defaults as its values, backends apart", () => {
  for (const key of keys.filter(([section]) => section !== "backends" && section !== "discovery")) {
    const value = key.reduce((part, name) => Object(part)[name], VALUE);
    if (typeof value === "object" && value !== null) continue;
    // Where a key is left empty, its default is said in words.
    if (value === null && schemaAt(configSchema, key) instanceof z.ZodOptional) continue;
    assertEquals(String(value), docOf(key).default, key.join("."));
  }
});

Deno.test("config.example.yaml means the same as its backends alone", () => {
  const { backends, ...others } = parseConfig(TEXT, "c.yaml", { env: () => undefined });
  const alone = parseConfig(
    TEXT.slice(TEXT.indexOf("\nbackends:")).split("\n\n")[0] ?? "",
    "c.yaml",
    {
      env: () => undefined,
    },
  );
  assertEquals(alone, { backends, ...others });
});

for (const key of keys) {
  const [section, ...rest] = key;
  const name = rest.at(-1);
  if (name === undefined) {
    Deno.test(`config.example.yaml says above ${section} what it is for`, () => {
      assert(docOf(key).meaning.length > 0);
      assert(commentAbove(String(section)).length > 0);
    });
  } else {
    Deno.test(`config.example.yaml says what ${key.join(".")} means, its bounds and its default`, () => {
      const doc = docOf(key);
      assert(doc.meaning.length > 0);
      if (keysOf(schemaAt(configSchema, key)).length > 0) return; // its own keys are told one by one
      const entry = entryOf(commentAbove(String(section)), String(name));
      const end = `(${doc.wanted}; ${
        doc.default === undefined ? "required" : `default ${doc.default}`
      })`;
      assertStringIncludes(entry, end);
      assert(entry.length - end.length > 15, "says nothing about the meaning");
      assert(doc.meaning.length > 0);
    });
  }
}

function docOf(key: KeyPath): NonNullable<ReturnType<typeof keyDocs.get>> {
  const schema = schemaAt(configSchema, key);
  const doc = schema && keyDocs.get(schema);
  assertExists(doc, `${key.join(".")} has no description in the schema`);
  return doc;
}

/** The paths of all keys, those of a list's items under index 0. */
function written(value: unknown, path: KeyPath = []): string[] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) {
    return [...new Set(value.flatMap((item) => written(item, [...path, 0])))];
  }
  return Object.entries(value).flatMap(([key, item]) => {
    const here = [...path, key];
    return [here.join("."), ...written(item, here)];
  });
}

/** The lines of the comment that stands directly above a top-level key. */
function commentAbove(section: string): string[] {
  const lines = TEXT.split("\n");
  const end = lines.findIndex((line) => line.startsWith(`${section}:`));
  const begin = lines.findLastIndex((line, index) => index < end && !line.startsWith("#"));
  return lines.slice(begin + 1, end);
}

/** `#   key  text`, with the more deeply indented lines that go on with it, as one line. */
function entryOf(comment: string[], name: string): string {
  const begin = comment.findIndex((line) => new RegExp(`^#   ${name}  +\\S`).test(line));
  assert(begin >= 0, `no entry for ${name}`);
  const after = comment.slice(begin + 1).findIndex((line) => !line.startsWith("#     "));
  const entry = comment.slice(begin, after < 0 ? undefined : begin + 1 + after);
  return entry.map((line) => line.replace(/^# +/, "")).join(" ").replace(`${name} `, "").trim();
}

for (const key of sourceKeys) {
  const [, , kind, name] = key;
  Deno.test(`docs/discovery.md says what ${key.slice(2).join(".")} means`, () => {
    const doc = docOf(key);
    assert(doc.meaning.length > 0);
    const section = DISCOVERY.split(`\n## \`${kind}\`\n`)[1]?.split("\n## ")[0];
    assertExists(section, `no section for ${kind}`);
    if (name === undefined) return;
    const row = section.split("\n").find((line) => line.startsWith(`| \`${name}\` |`));
    assertExists(row, `no row for ${name}`);
    assertStringIncludes(row, `| ${doc.wanted} | ${doc.default ?? "required"} |`);
  });
}
