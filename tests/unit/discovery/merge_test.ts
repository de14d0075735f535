import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Merge } from "../../../src/discovery/merge.ts";
import type { Source, SourceWatcher } from "../../../src/discovery/source.ts";
import type { Log, LogFields } from "../../../src/observe/log.ts";
import type { BackendSpec } from "../../../src/registry/backend.ts";
import { newSpec } from "../../contract/backends.ts";

/** A source that says what the test has it say. */
class TestSource implements Source {
  watcher: SourceWatcher | undefined;

  constructor(readonly name: string, readonly removalGraceMs = 0) {}

  watch(watcher: SourceWatcher): () => void {
    this.watcher = watcher;
    return () => this.watcher = undefined;
  }

  say(...specs: BackendSpec[]): void {
    this.watcher!.onSpecs(specs);
  }
}

interface World {
  merge: Merge;
  /** The names of every set that was told, those that leave in brackets. */
  told: string[];
  lines: [message: string, fields: LogFields][];
}

function world(...sources: Source[]): World {
  const told: string[] = [];
  const lines: World["lines"] = [];
  const write = (message: string, fields: LogFields = {}): void =>
    void lines.push([message, fields]);
  const log = { info: write, warn: write } as unknown as Log;
  const onSpecs = (specs: readonly BackendSpec[]): void =>
    void told.push(specs.map(({ name, leaving }) => leaving ? `(${name})` : name).join(" "));
  const merge = new Merge(sources, { log, now: Date.now, onSpecs });
  merge.start();
  return { merge, told, lines };
}

Deno.test("the backends of all sources are one set, and nobody is told before all were asked", () => {
  const a = new TestSource("a");
  const b = new TestSource("b");
  const { told, merge } = world(a, b);
  a.say(newSpec("x"));
  b.say(newSpec("y"), newSpec("z"));
  assertEquals(told, ["", "x", "x y z"]);
  merge.stop();
  assertEquals([a.watcher, b.watcher], [undefined, undefined]);
});

Deno.test("one address is one backend, as the first source says it; one name for two addresses is two names", () => {
  const a = new TestSource("a");
  const b = new TestSource("b");
  const { told, merge } = world(a, b);
  const others = [newSpec("other", { host: "x" }), newSpec("x", { host: "y", port: 9 })];
  a.say(newSpec("x"));
  b.say(...others);
  assertEquals(told.at(-1), "x x@y:9");
  a.say();
  assertEquals(told.at(-1), "x x@y:9", "what an address is called stays");
  b.say();
  b.say(...others);
  assertEquals(told.at(-1), "other x");
  a.say(newSpec("x"));
  assertEquals(told.at(-1), "other x");
  merge.stop();
});

Deno.test("a backend that is named no more drains for its grace, and stays if it is named again", () => {
  using time = new FakeTime(0);
  const source = new TestSource("a", 60_000);
  const { told, merge } = world(source);
  source.say(newSpec("x"), newSpec("y"));
  source.say(newSpec("y"));
  assertEquals(told.at(-1), "y (x)");
  time.tick(59_000);
  source.say(newSpec("x"), newSpec("y"));
  assertEquals(told.at(-1), "x y");
  source.say();
  assertEquals(told.at(-1), "(x) (y)");
  time.tick(59_999);
  assertEquals(told.at(-1), "(x) (y)");
  time.tick(1);
  assertEquals(told.at(-1), "");
  merge.stop();
});

Deno.test("a source in trouble keeps what it said, and that is told once, in the log and to who looks", () => {
  const source = new TestSource("registry", 60_000);
  const { merge, told, lines } = world(source);
  source.say(newSpec("x"));
  for (let again = 0; again < 3; again++) source.watcher!.onTrouble("refused");
  assertEquals(merge.sources, [{ name: "registry", backends: 1, trouble: "refused" }]);
  source.watcher!.onTrouble(undefined);
  assertEquals(merge.sources[0]!.trouble, null);
  assertEquals(lines.map(([, fields]) => [fields["source"], fields["reason"]]), [
    ["registry", "refused"],
    ["registry", undefined],
  ]);
  assertEquals(told.at(-1), "x");
  merge.stop();
});
