import { assertEquals } from "@std/assert";
import { FileSource } from "../../../src/discovery/file_source.ts";
import { newSpec } from "../../contract/backends.ts";
import { until } from "../../support/until.ts";

Deno.test("a file source tells its file's list, and again when that changes in any of the usual ways", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/list`;
  const source = new FileSource({
    path,
    removalGraceMs: 0,
    parse: (text) => {
      if (text.includes("!")) throw new Error("what is this");
      return text.split(" ").filter((name) => name !== "").map((name) => newSpec(name));
    },
  });
  const told: string[] = [];
  const stop = source.watch({
    onSpecs: (specs) => told.push(specs.map(({ name }) => name).join("+")),
    onTrouble: (reason) => told.push(reason === undefined ? "well" : reason.slice(0, 14)),
  });
  const hears = (what: string): Promise<void> => until(what, () => told.includes(what));
  assertEquals(told, ["cannot be read"]);
  Deno.writeTextFileSync(path, "a b");
  await hears("a+b");
  Deno.writeTextFileSync(`${folder}/new`, "c");
  Deno.renameSync(`${folder}/new`, path);
  await hears("c");
  Deno.writeTextFileSync(path, "d!");
  await hears("what is this");
  Deno.removeSync(path);
  Deno.symlinkSync(`${folder}/target`, path);
  Deno.writeTextFileSync(`${folder}/target`, "e");
  await hears("e");
  stop();
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("a file source whose folder is not there says so, and watches no more once it is stopped", () => {
  const source = new FileSource({ path: "/nowhere/at/all", removalGraceMs: 0, parse: () => [] });
  const told: (string | undefined)[] = [];
  const stop = source.watch({ onSpecs: () => {}, onTrouble: (reason) => told.push(reason) });
  assertEquals(told.length, 1);
  stop();
});
