import { type Ended, runToEnd } from "../support/ended.ts";

/** The clients, at exact versions. */
const PACKAGES = ["anthropic==2.14.0", "litellm==1.110.2", "openai==3.57.0", "requests==2.34.2"];
const VENV = ".deno/python-clients";
const FAILED = `${VENV}.failed`;
/** For making the environment. */
const SLOW = { ms: 180_000 };

export const PYTHON = `${VENV}/bin/python`;

/** Runs Python to its end. `-B`: it writes nothing beside the sources. */
export function runPython(...args: readonly string[]): Promise<Ended> {
  return run(PYTHON, ["-B", ...args]);
}

/** One that cannot be run, or does not end, is as one that failed. */
async function run(
  command: string,
  args: readonly string[],
  { ms = 45_000 } = {},
): Promise<Ended> {
  const piped = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const what = [command, ...args].join(" ").slice(0, 100);
  try {
    return await runToEnd(new Deno.Command(command, { args: [...args], ...piped }), { what, ms });
  } catch (error) {
    return { code: 127, out: "", err: String(error) };
  }
}

/**
 * Makes the virtual environment once; returns why it cannot be had, if so. Test files run in parallel:
 * the first makes it, or fails to, and the others wait and find out.
 */
async function prepare(): Promise<string | undefined> {
  Deno.mkdirSync(VENV, { recursive: true });
  using lock = Deno.openSync(`${VENV}.lock`, { create: true, read: true, write: true });
  await lock.lock(true);
  const marker = `${VENV}/${PACKAGES.join("+")}`;
  if (exists(marker)) return undefined;
  const known = whyNot();
  if (known !== undefined) return known;
  const missing = await make();
  if (missing === undefined) Deno.writeTextFileSync(marker, "");
  else Deno.writeTextFileSync(FAILED, JSON.stringify({ run: Deno.pid, at: Date.now(), missing }));
  return missing;
}

/** What another file of this run found; a later run tries again, be its process id the same. */
function whyNot(): string | undefined {
  if (!exists(FAILED)) return undefined;
  const { run, at, missing } = JSON.parse(Deno.readTextFileSync(FAILED));
  return run === Deno.pid && Date.now() - at < 2 * SLOW.ms ? missing : undefined;
}

async function make(): Promise<string | undefined> {
  const made = await run("python3", ["-m", "venv", "--clear", VENV], SLOW);
  if (made.code !== 0) return `no python3 with venv: ${lastLine(made.err + made.out)}`;
  // Not `bin/pip`: in an environment that was copied it is that of the original.
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  const patience = ["--timeout", "15", "--retries", "1"];
  const installed = await run(PYTHON, [...pip, ...patience, ...PACKAGES], SLOW);
  if (installed.code === 0) return undefined;
  return `PyPI gave no ${PACKAGES.join(", ")}: ${lastLine(installed.err)}`;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

/** Why Python clients cannot be tested here, if so. */
export const missing = await prepare();
if (missing !== undefined) console.log(`Python clients are skipped: ${missing}`);
