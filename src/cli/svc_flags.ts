import type { Flags, ParsedArgs } from "./args.ts";

/** The flags of InfiniLM-SVC's router (its rust/src/main.rs). All numbers are whole seconds there. */
export const SVC_FLAGS: Flags = {
  "router-port": {
    type: "string",
    value: "PORT",
    help: "InfiniLM-SVC's flag for listen.port (default there: 8080)",
  },
  "registry-url": {
    type: "string",
    value: "URL",
    help: "the same for an infinilm_registry under discovery",
  },
  "static-services": { type: "string", value: "FILE", help: "the same for backends; FILE is JSON" },
  "health-interval": {
    type: "string",
    value: "SECONDS",
    help: "the same for health.interval (30)",
  },
  "health-timeout": { type: "string", value: "SECONDS", help: "the same for health.timeout (5)" },
  "max-errors": {
    type: "string",
    value: "COUNT",
    help: "the same for health.unhealthy_after (3)",
  },
  "registry-sync-interval": {
    type: "string",
    value: "SECONDS",
    help: "the same for the registry's interval (10)",
  },
  "service-removal-grace-period": {
    type: "string",
    value: "SECONDS",
    help: "the same for the registry's removal_grace (60)",
  },
};

/** Which of them were given, in the order above. */
export function svcFlagsIn({ values }: ParsedArgs): string[] {
  return Object.keys(SVC_FLAGS).filter((name) => values[name] !== undefined);
}
