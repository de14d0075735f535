/**
 * Everything that must hold before a change lands, one stage after another, all of them even if one
 * fails or does not end. The last line counts: `N passed, N failed` and, if any, `, N skipped`.
 */
import { within } from "./support/within.ts";

const MINUTE = 60_000;
const CHECK_LIMIT_MS = 5 * MINUTE;
/** Each test has a limit of its own (support/limit.ts); this is for what they leave open. */
const TESTS_LIMIT_MS = 12 * MINUTE;

/** What has nothing to do with how connections are served; the others also run on plain `Deno.serve`. */
const NOT_OF_SERVING = [
  "dev",
  "cli",
  "signals",
  "last_resort",
  "runtime_contract",
  "connection_contract",
  "slow_clients",
]
  .map((name) => `tests/integration/${name}_test.ts`).join(",");

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const total: Count = { passed: 0, failed: 0, skipped: 0 };
/** The process of the stage that is running. */
let running: Deno.ChildProcess | undefined;
for (const [signal, code] of [["SIGHUP", 129], ["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.addSignalListener(signal, () => {
    if (running !== undefined) killGroup(running);
    Deno.exit(code);
  });
}
const map = (Deno.env.get("MAP") ?? "").split(" ").filter((flag) => flag !== "");

if (Deno.args[0] === "executable") {
  if (Deno.env.get("ROUTER_BIN") === undefined) {
    throw new Error("ROUTER_BIN must name the executable");
  }
  await tests(["tests/integration", "tests/clients", "tests/chaos", "tests/fuzz"]);
} else {
  await stage("format", ["fmt", "--check", "--quiet"]);
  await stage("lint", ["lint", "--quiet"]);
  await stage("types", ["check", "--quiet", ...map, "main.ts", "src", "tests"]);
  await tests([
    "tests/docs",
    "tests/unit",
    "tests/integration",
    "tests/clients",
    "tests/chaos",
    "tests/fuzz",
  ]);
  await tests(["tests/integration", `--ignore=${NOT_OF_SERVING}`], { PLAIN_SERVE: "1" });
}

const { passed, failed, skipped } = total;
console.log(`${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
Deno.exit(failed === 0 ? 0 : 1);

async function stage(name: string, args: string[]): Promise<void> {
  const { success, output, verdict } = await deno(args, CHECK_LIMIT_MS);
  if (success) total.passed++;
  else total.failed++;
  console.log(`${name} ... ${verdict}`);
  if (!success) console.log(output);
}

async function tests(paths: string[], env: Record<string, string> = {}): Promise<void> {
  const flags = [
    "--allow-all",
    "--unstable-net",
    "--no-check",
    "--parallel",
    "--preload",
    "tests/support/limit.ts",
  ];
  const { success, output, verdict } = await deno(
    ["test", ...flags, ...map, ...paths],
    TESTS_LIMIT_MS,
    env,
  );
  const summary = /(?:ok|FAILED) \| (\d+) passed.*?\| (\d+) failed(?:.*?\| (\d+) ignored)?/.exec(
    output.slice(-2000),
  );
  if (summary === null) {
    total.failed++; // the runner itself did not get through
  } else {
    total.passed += Number(summary[1]);
    total.failed += Number(summary[2]);
    total.skipped += Number(summary[3] ?? 0);
    if (!success && summary[2] === "0") total.failed++;
  }
  console.log(`tests ... ${verdict}`);
}

interface Ended {
  readonly success: boolean;
  readonly output: string;
  /** How the stage ended, for its line. */
  readonly verdict: string;
}

/** Runs this very Deno; what it prints is shown as it comes for tests, and kept for all. */
async function deno(
  args: string[],
  limitMs: number,
  env: Record<string, string> = {},
): Promise<Ended> {
  const loud = args[0] === "test";
  const child = new Deno.Command(Deno.execPath(), {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...env },
    detached: true, // the leader of a group: its end can be made the end of all it has started
  }).spawn();
  running = child;
  let output = "";
  const drain = async (from: ReadableStream<Uint8Array>): Promise<void> => {
    for await (const text of from.pipeThrough(new TextDecoderStream())) {
      if (loud) Deno.stdout.writeSync(new TextEncoder().encode(text));
      output += text;
    }
  };
  const drained = Promise.all([drain(child.stdout), drain(child.stderr)]);
  const status = await within(child.status, "the stage", { ms: limitMs }).catch(() => {});
  killGroup(child);
  running = undefined;
  await within(drained, "the end of its output").catch(() => {});
  const success = status?.success ?? false;
  const verdict = success
    ? "ok"
    : status === undefined
    ? `FAILED: still running after ${limitMs / MINUTE} minutes`
    : "FAILED";
  return { success, output, verdict };
}

function killGroup({ pid }: Deno.ChildProcess): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch {
    // it left nobody behind
  }
}
