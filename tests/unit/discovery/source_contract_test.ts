import { BookSource } from "../../../src/discovery/book_source.ts";
import { FileSource } from "../../../src/discovery/file_source.ts";
import { PolledSource, SourceError } from "../../../src/discovery/polled_source.ts";
import { StaticSource } from "../../../src/discovery/static_source.ts";
import type { BackendSpec } from "../../../src/registry/backend.ts";
import { newSpec } from "../../contract/backends.ts";
import { runSourceContract } from "../../contract/source.ts";
import { TestBook } from "./book_support.ts";

function nothing(): Promise<void> {
  return Promise.resolve();
}

runSourceContract("a static source", () => {
  const source = new StaticSource([]);
  return Promise.resolve({
    source,
    know: (...names: string[]): void => source.update(names.map((name) => newSpec(name))),
    [Symbol.asyncDispose]: nothing,
  });
});

runSourceContract("a polled source", () => {
  let known: BackendSpec[] | undefined;
  const source = new PolledSource({
    name: "polled",
    removalGraceMs: 0,
    intervalMs: 1,
    read: () =>
      known === undefined ? Promise.reject(new SourceError("no")) : Promise.resolve(known),
    onDefect: (error) => {
      throw error;
    },
  });
  return Promise.resolve({
    source,
    know: (...names: string[]): void => void (known = names.map((name) => newSpec(name))),
    fail: (): void => void (known = undefined),
    [Symbol.asyncDispose]: nothing,
  });
});

runSourceContract("a file source", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/list`;
  const source = new FileSource({
    path,
    removalGraceMs: 0,
    parse: (text) => text.split(" ").map((name) => newSpec(name)),
  });
  return {
    source,
    know: (...names: string[]): void => Deno.writeTextFileSync(path, names.join(" ")),
    fail: (): void => Deno.removeSync(path),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
});

runSourceContract("the source of a registry's book", () => {
  const book = new TestBook();
  let ports = 8100;
  return Promise.resolve({
    source: new BookSource(book, { name: "registry", removalGraceMs: 0 }),
    know(...names: string[]): void {
      for (const name of names) if (book.get(name) === undefined) book.add(name, { port: ports++ });
      for (const name of [...book.entries.keys()]) {
        if (!names.includes(name)) book.delete(name, "10.0.0.5");
      }
    },
    [Symbol.asyncDispose]: nothing,
  });
});
