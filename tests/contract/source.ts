import { assert, assertEquals } from "@std/assert";
import type { Source } from "../../src/discovery/source.ts";
import type { BackendSpec } from "../../src/registry/backend.ts";
import { until } from "../support/until.ts";

/** A source whose backends the test decides. */
export interface TestedSource extends AsyncDisposable {
  readonly source: Source;
  /** Makes it know these, by name, and no others. */
  know(...names: string[]): void | Promise<void>;
  /** Makes it unable to say what it knows; left out if it always can. */
  fail?(): void | Promise<void>;
}

/** What every source holds to. */
export function runSourceContract(name: string, make: () => Promise<TestedSource>): void {
  Deno.test(`${name} tells its backends, each change, and nothing once nobody watches`, async () => {
    await using tested = await make();
    await tested.know("a");
    const told: string[] = [];
    const stop = tested.source.watch({
      onSpecs: (specs) => told.push(namesOf(specs)),
      onTrouble: () => {},
    });
    await until("it tells a", () => told.at(-1) === "a");
    await tested.know("a", "b");
    await until("it tells a and b", () => told.at(-1) === "a b");
    await tested.know("b");
    await until("it tells b", () => told.at(-1) === "b");
    assertEquals(told.filter((names, index) => names === told[index - 1]), [], "nothing twice");
    stop();
    const { length } = told;
    await tested.know("c");
    assertEquals(told.length, length);
    assert(tested.source.name.length > 0 && tested.source.removalGraceMs >= 0);
  });

  Deno.test(`${name} that cannot tell says why, takes nothing back, and goes on when it can`, async () => {
    await using tested = await make();
    if (tested.fail === undefined) return;
    await tested.know("a");
    const told: string[] = [];
    let trouble: string | undefined;
    const stop = tested.source.watch({
      onSpecs: (specs) => told.push(namesOf(specs)),
      onTrouble: (reason) => trouble = reason,
    });
    await until("it tells a", () => told.at(-1) === "a");
    await tested.fail();
    await until("it says why it cannot tell", () => trouble !== undefined);
    assertEquals(told, ["a"]);
    await tested.know("b");
    await until("it tells b", () => told.at(-1) === "b" && trouble === undefined);
    stop();
  });
}

function namesOf(specs: readonly BackendSpec[]): string {
  return specs.map(({ name }) => name).join(" ");
}
