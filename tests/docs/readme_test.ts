import { assert, assertEquals } from "@std/assert";
import { EXIT } from "../../src/cli/exit.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ENDPOINTS } from "../../src/engine/endpoints.ts";

const ROOT = new URL("../../", import.meta.url);
const ENGLISH = "README.md";
const CHINESE = "README.zh-CN.md";

/** A document: its path from the root, and its text. */
interface Page {
  readonly path: string;
  readonly text: string;
}

interface Fence {
  readonly language: string;
  readonly text: string;
}

const pages: readonly Page[] = [
  ENGLISH,
  CHINESE,
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...markdownBelow("docs"),
].map((path) => ({ path, text: Deno.readTextFileSync(new URL(path, ROOT)) }));

function markdownBelow(folder: string): string[] {
  return [...Deno.readDirSync(new URL(`${folder}/`, ROOT))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? markdownBelow(path) : path.endsWith(".md") ? [path] : [];
  }).sort();
}

function page(path: string): Page {
  return pages.find((page) => page.path === path)!;
}

function fences({ text }: Page): Fence[] {
  return [...text.matchAll(/^```([a-z]*)\n(.*?)^```$/gms)].map(([, language, text]) => ({
    language: language!,
    text: text!,
  }));
}

/** What stands between single backticks in running text. */
function codeSpans({ text }: Page): string[] {
  const prose = text.replaceAll(/^```.*?^```$/gms, "");
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!);
}

/** Commands to type, comments left out, a line continued by a backslash joined. */
function shellLines(page: Page): string[] {
  return fences(page).filter(({ language }) => language === "sh").flatMap(({ text }) =>
    text.replaceAll("\\\n", " ").split("\n")
      .map((line) => line.replace(/\s+#\s.*$/, "").replaceAll(/\s+/g, " ").trim())
      .filter((line) => line !== "")
  );
}

/** Everything the page tells to type, also in running text. */
function commands(page: Page): string[] {
  const spans = codeSpans(page).filter((code) => /^(?:make|deno|infinilm-router)\b/.test(code));
  return [...new Set([...shellLines(page), ...spans])].sort();
}

function exists(path: string, base: URL): boolean {
  try {
    Deno.statSync(new URL(path, base));
    return true;
  } catch {
    return false;
  }
}

Deno.test("every whole configuration in the documents is valid", () => {
  let count = 0;
  for (const page of pages) {
    for (const { language, text } of fences(page)) {
      if (language !== "yaml" || !/^backends:/m.test(text)) continue;
      parseConfig(text, page.path, { env: () => undefined });
      count++;
    }
  }
  assert(count >= 4, `both READMEs show two, found ${count}`);
});

Deno.test("every make target that the documents name exists", () => {
  const makefile = Deno.readTextFileSync(new URL("Makefile", ROOT));
  const targets = new Set([...makefile.matchAll(/^([a-z-]+):/gm)].map(([, name]) => name));
  const named = pages.flatMap((page) =>
    [...codeSpans(page), ...shellLines(page)].flatMap((code) =>
      [...code.matchAll(/(?<![\w/-])make ([a-z-]+)/g)].map(([, target]) => `${target}`)
    )
  );
  assert(named.includes("run") && named.includes("test"));
  assertEquals([...new Set(named)].filter((target) => !targets.has(target)), []);
});

Deno.test("every relative link in the documents leads to a file", () => {
  const broken = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target!.replace(/#.*$/, ""))
      .filter((target) => target !== "" && !/^[a-z]+:/.test(target))
      .filter((target) => !exists(target, new URL(path, ROOT)))
      .map((target) => `${path}: ${target}`)
  );
  assertEquals(broken, []);
});

Deno.test("every file of the project that the documents name exists", () => {
  const missing = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/(?<![\w./-])(?:src|docs|tests|packaging)\/[\w./-]*/g)]
      .map(([named]) => named.replace(/\.+$/, ""))
      .filter((named) => !exists(named, ROOT))
      .map((named) => `${path}: ${named}`)
  );
  assertEquals(missing, []);
});

Deno.test("ARCHITECTURE.md has every room", () => {
  const rooms = [...Deno.readDirSync(new URL("src/", ROOT))].map(({ name, isDirectory }) =>
    isDirectory ? `src/${name}/` : `src/${name}`
  );
  const { text } = page("ARCHITECTURE.md");
  assertEquals(rooms.filter((room) => !text.includes(`\`${room}\``)), []);
});

Deno.test("the two READMEs name the same commands", () => {
  assertEquals(commands(page(CHINESE)), commands(page(ENGLISH)));
  assertEquals(shellLines(page(ENGLISH)).slice(0, 2), ["make run", "make test"]);
});

Deno.test("the two READMEs list every exit code", () => {
  for (const path of [ENGLISH, CHINESE]) {
    const listed = [...page(path).text.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    assertEquals(listed, Object.values(EXIT), path);
  }
});

Deno.test("the two READMEs and docs/api.md have every routed endpoint", () => {
  const paths = ENDPOINTS.map(({ path }) => path);
  for (const path of [ENGLISH, CHINESE]) {
    const spans = new Set(codeSpans(page(path)));
    assertEquals(paths.filter((path) => !spans.has(path)), [], path);
  }
  const rows = [...page("docs/api.md").text.matchAll(/^\| `(\S+)` \| `(\S+)` \|/gm)];
  assertEquals(
    rows.map(([, path, upstreamPath]) => `${path} ${upstreamPath}`).sort(),
    ENDPOINTS.map(({ path, upstreamPath }) => `${path} ${upstreamPath}`).sort(),
  );
});
