/**
 * Everything that must hold before a change lands, one stage after another, all of them even if one
 * fails. The last line counts: `N passed, N failed` and, if any, `, N skipped`.
 */

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const total: Count = { passed: 0, failed: 0, skipped: 0 };
const map = (Deno.env.get("MAP") ?? "").split(" ").filter((flag) => flag !== "");

if (Deno.args[0] === "executable") {
  if (Deno.env.get("ROUTER_BIN") === undefined) {
    throw new Error("ROUTER_BIN must name the executable");
  }
  await tests(["tests/integration", "tests/clients"]);
} else {
  await stage("format", ["fmt", "--check", "--quiet"]);
  await stage("lint", ["lint", "--quiet"]);
  await stage("types", ["check", "--quiet", ...map, "main.ts", "src", "tests"]);
  await tests(["tests/docs", "tests/unit", "tests/integration", "tests/clients"]);
}

const { passed, failed, skipped } = total;
console.log(`${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
Deno.exit(failed === 0 ? 0 : 1);

async function stage(name: string, args: string[]): Promise<void> {
  const { success, output } = await deno(args);
  if (success) total.passed++;
  else total.failed++;
  console.log(`${name} ... ${success ? "ok" : "FAILED"}`);
  if (!success) console.log(output);
}

async function tests(paths: string[]): Promise<void> {
  const { success, output } = await deno([
    "test",
    "--allow-all",
    "--no-check",
    "--parallel",
    ...map,
    ...paths,
  ]);
  const summary = /(?:ok|FAILED) \| (\d+) passed.*?\| (\d+) failed(?:.*?\| (\d+) ignored)?/.exec(
    output.slice(-500),
  );
  if (summary === null) {
    total.failed++; // the runner itself did not get through
  } else {
    total.passed += Number(summary[1]);
    total.failed += Number(summary[2]);
    total.skipped += Number(summary[3] ?? 0);
    if (!success && summary[2] === "0") total.failed++;
  }
  console.log(`tests ... ${success ? "ok" : "FAILED"}`);
}

/** Runs this very Deno; what it prints is shown as it comes for tests, and kept for all. */
async function deno(args: string[]): Promise<{ success: boolean; output: string }> {
  const loud = args[0] === "test";
  const child = new Deno.Command(Deno.execPath(), {
    args,
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  let output = "";
  const drain = async (from: ReadableStream<Uint8Array>): Promise<void> => {
    for await (const text of from.pipeThrough(new TextDecoderStream())) {
      if (loud) Deno.stdout.writeSync(new TextEncoder().encode(text));
      output += text;
    }
  };
  await Promise.all([drain(child.stdout), drain(child.stderr)]);
  const { success } = await child.status;
  return { success, output };
}
