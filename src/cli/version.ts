import project from "../../deno.json" with { type: "json" };
import { EXIT } from "./exit.ts";
import { writeOut } from "./stdio.ts";
import type { Verb } from "./verb.ts";

/** Which router this is, and what it runs on. */
export const VERSION: Verb = {
  name: "version",
  summary: "print the version",
  flags: {},
  examples: ["infinilm-router version"],
  run(): number {
    const { deno, v8 } = Deno.version;
    writeOut(`infinilm-router ${project.version} (deno ${deno}, v8 ${v8}, ${Deno.build.target})\n`);
    return EXIT.ok;
  },
};
