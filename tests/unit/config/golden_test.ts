import { assert, assertEquals } from "@std/assert";
import { ConfigError, parseConfig } from "../../../src/config/load.ts";

// Each bad file stands beside the whole output it must give.
const FOLDER = new URL("../../golden/config/", import.meta.url);
const VARIABLES: Record<string, string> = { PORT: "eighty" };

const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name);
const bad = names.filter((name) => name.endsWith(".yaml")).sort();

Deno.test("the golden bad config files each have their expected output, and are at least 25", () => {
  assertEquals(names.filter((name) => name.endsWith(".txt")).sort(), bad.map(outputOf).sort());
  assert(bad.length >= 25);
});

for (const name of bad) {
  Deno.test(`config reports everything that is wrong with ${name}`, () => {
    const expected = Deno.readTextFileSync(new URL(outputOf(name), FOLDER));
    assertEquals(`${messageOf(name)}\n`, expected);
  });
}

function messageOf(name: string): string {
  try {
    parseConfig(Deno.readTextFileSync(new URL(name, FOLDER)), name, {
      env: (variable) => VARIABLES[variable],
      readTextFile: (path) => {
        if (path === "secret.txt") return "hunter2\n";
        throw new Deno.errors.NotFound();
      },
    });
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error(`${name} is accepted`);
}

function outputOf(name: string): string {
  return name.replace(/\.yaml$/, ".txt");
}
