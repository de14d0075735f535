import { assert, assertEquals, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { StateFile } from "../../../src/discovery/state_file.ts";

/** A folder for the time of a test, and a state file in it whose text the test decides. */
class Place implements Disposable {
  readonly folder = Deno.makeTempDirSync();
  readonly path = `${this.folder}/state.json`;
  readonly lines: string[] = [];
  text = "first";
  /** How often the text was asked for. */
  written = 0;

  file(): StateFile {
    const line = (message: string): void => void this.lines.push(message);
    return new StateFile({
      path: this.path,
      write: () => {
        this.written++;
        return this.text;
      },
      log: { info: line, warn: line, error: line },
    });
  }

  read(): string {
    return Deno.readTextFileSync(this.path);
  }

  names(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("a state file is written at the start, for its owner alone, and read at the next", async () => {
  using place = new Place();
  const first = place.file();
  first.open(() => assert(false, "there is nothing to read"));
  assertEquals(Deno.statSync(place.path).mode! & 0o777, 0o600);
  place.text = "second";
  first.changed();
  await first.close();
  const seen: string[] = [];
  const next = place.file();
  next.open((text) => void seen.push(text));
  await next.close();
  assertEquals([seen, place.names(), place.lines], [["second"], ["state.json"], []]);
});

Deno.test("changes are written together a second after the first, signs of life half a minute after", async () => {
  using place = new Place();
  const after = async (ms: number, ...changes: { later?: boolean }[]): Promise<number> => {
    const file = place.file();
    file.open(() => {});
    place.written = 0;
    {
      using time = new FakeTime();
      for (const change of changes) {
        file.changed(change);
        time.tick(100);
      }
      await time.tickAsync(ms - 100 * changes.length);
    }
    const { written } = place;
    await file.close();
    file.changed();
    await file.close();
    assertEquals(place.written, 1, "what was not written is written at the end");
    return written;
  };
  const [soon, later] = [{}, { later: true }];
  assertEquals([await after(999, soon, soon), await after(1000, soon, soon)], [0, 1]);
  assertEquals([await after(29_999, later, later), await after(30_000, later, later)], [0, 1]);
  assertEquals([await after(1099, later, soon), await after(1100, later, soon, later)], [0, 1]);
  assertEquals(place.read(), "first");
});

Deno.test("a file that is not understood is moved aside and told, and does not keep anything from starting", async () => {
  using place = new Place();
  Deno.writeTextFileSync(place.path, "{ half");
  const file = place.file();
  file.open((text) => JSON.parse(text));
  await file.close();
  assertEquals(place.names(), ["state.json", "state.json.broken"]);
  assertEquals(Deno.readTextFileSync(`${place.path}.broken`), "{ half");
  assertEquals(place.lines, ["the state file is broken: it was moved aside"]);
});

Deno.test("a file that cannot be written is known at the start, a defect is not taken for a broken file", () => {
  using place = new Place();
  const lost = new StateFile({
    path: `${place.folder}/nowhere/state.json`,
    write: () => "",
    log: { info: () => {}, warn: () => {}, error: () => {} },
  });
  assertThrows(() => lost.open(() => {}), Deno.errors.NotFound);
  Deno.writeTextFileSync(place.path, "x");
  assertThrows(() =>
    place.file().open(() => {
      throw new RangeError("ours");
    }), RangeError);
  assertEquals(place.read(), "x");
});

Deno.test("a file that cannot be written later is told once, and written again when it can be", async () => {
  using place = new Place();
  const file = place.file();
  file.open(() => {});
  Deno.mkdirSync(`${place.path}.new`);
  const change = async (): Promise<void> => {
    using time = new FakeTime();
    file.changed();
    time.tick(1000);
  };
  await change();
  await change();
  await settled(() => place.written === 3);
  Deno.removeSync(`${place.path}.new`);
  place.text = "again";
  await change();
  await file.close();
  assertEquals(place.lines, [
    "the state file cannot be written",
    "the state file is written again",
  ]);
  assertEquals(place.read(), "again");
});

async function settled(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}
