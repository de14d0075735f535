import { assertEquals, assertMatch } from "@std/assert";
import { runToEnd } from "../../support/ended.ts";

/** One of each way to define a test that waits or loops for ever. */
const ENDLESS = `
const never = () => new Promise(() => {});
Deno.test("name and function", never);
Deno.test(async function named() { await never(); });
Deno.test({ name: "definition", fn: never });
Deno.test("name, options, function", {}, never);
Deno.test({ name: "options and function" }, never);
Deno.test({}, async function optionsAndNamed() { await never(); });
Deno.test("an endless loop", () => { for (;;); });
Deno.test("a limit of its own", { timeout: 100 }, never);
Deno.test.ignore("ignored", never);
Deno.test("a test that ends", () => {});
`;

Deno.test("a test that waits or loops for ever fails by its name, however it is defined", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const limit = await Deno.readTextFile("tests/support/limit.ts");
    await Deno.writeTextFile(`${folder}/limit.ts`, limit.replace("60_000", "150"));
    await Deno.writeTextFile(`${folder}/endless_test.ts`, ENDLESS);
    const command = new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-check", "--no-lock", "--preload", "./limit.ts", "endless_test.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    });
    const { code, out } = await runToEnd(command, { what: "deno test" });
    const ends = [...out.matchAll(/^(.*?) \.\.\. (\w+) \(/gm)].map(([, name, end]) => [name, end]);
    assertEquals(ends, [
      ["name and function", "FAILED"],
      ["named", "FAILED"],
      ["definition", "FAILED"],
      ["name, options, function", "FAILED"],
      ["options and function", "FAILED"],
      ["optionsAndNamed", "FAILED"],
      ["an endless loop", "FAILED"],
      ["a limit of its own", "FAILED"],
      ["ignored", "ignored"],
      ["a test that ends", "ok"],
    ]);
    assertEquals([out.match(/timed out after 150ms/g)?.length, code], [7, 1]);
    assertMatch(out, /timed out after 100ms/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
