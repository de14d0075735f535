import { assertEquals } from "@std/assert";

/** Which floor each room is on. A room may import lower floors, itself, and nobody beside it. */
const FLOOR: Readonly<Record<string, number>> = {
  errors: 0,
  outcome: 0,
  flow: 0,
  recent_count: 0,
  concat: 0,
  observe: 0,
  sse: 0,
  registry: 1,
  config: 1,
  policy: 2,
  admission: 2,
  upstream: 2,
  engine: 2,
  proxy: 3,
  health: 3,
  discovery: 3,

  door: 4,
  fleet: 4,
  api: 4,
  cli: 5,
};

/** The simulated engine stands beside the house: it sees floor 0 only, and only cli sees it. */
const ANNEX = "sim";

/** Floor 2 may know the nouns of floor 1, not their behaviour; config is read by who is handed it. */
const TYPES_ONLY: ReadonlySet<number> = new Set([2]);

/** Named in the house's rules: the three roots of floor 0 that its other rooms may import. */
const ROOTS: ReadonlySet<string> = new Set(["errors", "outcome", "flow", "recent_count", "concat"]);

interface Import {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function* sourceFiles(directory: string): Generator<string> {
  for (const entry of Deno.readDirSync(directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) yield* sourceFiles(path);
    else if (path.endsWith(".ts")) yield path;
  }
}

function roomOf(path: string): string {
  return path.replace(/^.*?src\//, "").split("/")[0]!.replace(/\.ts$/, "");
}

function importsOf(file: string, text: string): Import[] {
  const found: Import[] = [];
  const pattern = /^\s*(?:import|export)\s+(type\s)?[^;"']*?(?:from\s+)?["']([^"']+)["']/gm;
  for (const [, type, specifier] of text.matchAll(pattern)) {
    if (!specifier!.startsWith(".")) continue;
    const target = new URL(specifier!, `file:///${file}`).pathname.slice(1);
    if (!target.startsWith("src/")) continue;
    found.push({ file, from: roomOf(file), to: roomOf(target), typeOnly: type !== undefined });
  }
  return found;
}

/** Why an import may not be, or undefined if it may. */
function objection({ file, from, to, typeOnly }: Import): string | undefined {
  if (from === to) return undefined;
  const shown = `${file} imports ${to}`;
  if (from === ANNEX) return FLOOR[to] === 0 ? undefined : `${shown}: sim sees floor 0 only`;
  if (to === ANNEX) return from === "cli" ? undefined : `${shown}: only cli sees sim`;
  const own = FLOOR[from];
  const other = FLOOR[to];
  if (own === undefined || other === undefined) return `${shown}: a room without a floor`;
  if (own === 0 && other === 0 && ROOTS.has(to)) return undefined;
  if (other >= own) return `${shown}: ${other === own ? "sideways" : "upwards"}`;
  if (TYPES_ONLY.has(own) && other === 1 && !typeOnly) return `${shown}: types only`;
  return undefined;
}

const imports = [...sourceFiles("src")].flatMap((file) =>
  importsOf(file, Deno.readTextFileSync(file))
);

Deno.test("source files import lower floors only", () => {
  assertEquals(imports.map(objection).filter((reason) => reason !== undefined), []);
});

Deno.test("the import reader sees the imports it judges", () => {
  const text =
    `import type { A } from "../registry/backend.ts";\nexport { b } from "../api/routes.ts";\n` +
    `import {\n  c,\n} from "./own.ts";\n`;
  const found = importsOf("src/policy/x.ts", text);
  assertEquals(found.map(({ to, typeOnly }) => [to, typeOnly]), [
    ["registry", true],
    ["api", false],
    ["policy", false],
  ]);
  assertEquals(found.map(objection), [
    undefined,
    "src/policy/x.ts imports api: upwards",
    undefined,
  ]);
});

Deno.test("only cli imports the module-level registry", () => {
  const users = [...sourceFiles("src")].filter((file) =>
    /from "[^"]*registry\/mod\.ts"/.test(Deno.readTextFileSync(file))
  );
  assertEquals(users.filter((file) => roomOf(file) !== "cli"), []);
});
