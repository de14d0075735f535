import { describeFlags, readFlags } from "./args.ts";
import { CHECK } from "./check.ts";
import { DEMO } from "./demo.ts";
import { CliError, EXIT } from "./exit.ts";
import { MIGRATE } from "./migrate.ts";
import { REGISTRY } from "./registry.ts";
import { SERVE } from "./serve.ts";
import { SIM } from "./sim.ts";
import { logLines, writeError, writeOut } from "./stdio.ts";
import type { Verb } from "./verb.ts";
import { VERSION } from "./version.ts";
import { giveUpWriting } from "./write_permission.ts";

const VERBS: readonly Verb[] = [SERVE, CHECK, MIGRATE, REGISTRY, SIM, DEMO, VERSION];
/** How long the last lines of the log may take. */
const LAST_LINES_MS = 1000;
const HELP = { help: { type: "boolean", short: "h", help: "show this help" } } as const;

/** Runs the command that the arguments name, and returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  // For `Deno.exit`. An error that nobody catches ends no process that has a log (last_resort.ts).
  globalThis.addEventListener("unload", () => logLines.flushSync());
  const exitCode = await run(args);
  await logLines.flush(LAST_LINES_MS);
  return exitCode;
}

async function run(args: readonly string[]): Promise<number> {
  try {
    return await runVerb(args);
  } catch (error) {
    if (error instanceof CliError) {
      writeError(`${error.message}\n`);
      return error.exitCode;
    }
    writeError(`internal error: ${error instanceof Error ? error.stack : String(error)}\n`);
    return EXIT.software;
  }
}

async function runVerb(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === "--help" || first === "-h" || first === "help") {
    writeOut(overview());
    return EXIT.ok;
  }
  if (first === "--version" || first === "-V") return VERSION.run({ values: {}, positionals: [] });
  const implied = first === undefined || first.startsWith("-");
  const verb = implied ? SERVE : VERBS.find(({ name }) => name === first);
  if (verb === undefined) {
    throw new CliError(`no such command: '${first}'; see infinilm-router --help`, EXIT.usage);
  }
  const { name, maxPositionals } = verb;
  const parsed = readFlags(implied ? args : rest, {
    flags: { ...verb.flags, ...HELP },
    verb: name,
    ...(maxPositionals === undefined ? {} : { maxPositionals }),
  });
  if (parsed.values["help"] === true) {
    writeOut(helpOf(verb));
    return EXIT.ok;
  }
  if (verb.writes !== true) giveUpWriting();
  return await verb.run(parsed);
}

function overview(): string {
  return `infinilm-router: an OpenAI-compatible router for inference engines

Usage: infinilm-router [COMMAND] [FLAGS]

Commands:
${VERBS.map(({ name, summary }) => `  ${name.padEnd(8)}  ${summary}`).join("\n")}

Without a command it serves:

  infinilm-router --config config.yaml

infinilm-router COMMAND --help tells more of each.
`;
}

function helpOf(verb: Verb): string {
  const notes = verb.notes === undefined ? "" : `\n${verb.notes}\n`;
  return `infinilm-router ${verb.name}: ${verb.summary}

Flags:
${describeFlags({ ...verb.flags, ...HELP })}

Examples:
${verb.examples.map((example) => `  ${example}`).join("\n")}
${notes}`;
}
