import { readSvc } from "./config_file.ts";
import { EXIT } from "./exit.ts";
import { writeOut } from "./stdio.ts";
import { SVC_FLAGS } from "./svc_flags.ts";
import type { Verb } from "./verb.ts";

/** Prints the configuration that `serve` makes of the same flags. */
export const MIGRATE: Verb = {
  name: "migrate",
  summary: "print a configuration in place of InfiniLM-SVC's router flags",
  flags: SVC_FLAGS,
  examples: [
    "infinilm-router migrate --registry-url http://10.0.0.1:18000 > config.yaml",
    "infinilm-router migrate --router-port 8000 --static-services services.json",
  ],
  notes: `It also reads PROXY_TIMEOUT_SECONDS and CACHE_TYPE_ROUTING_THRESHOLD from the environment.
Nothing is printed that check would refuse.`,
  run(args): number {
    writeOut(readSvc(args).svc.text);
    return EXIT.ok;
  },
};
