import { isIP } from "node:net";
import { z } from "zod";
import {
  choice,
  duration,
  integer,
  key,
  optionalKey,
  requiredKey,
  text,
  wanting,
} from "./_leaves.ts";
import { type BackendUrl, parseBackendUrl } from "./backend_url.ts";
import type { SourceConfig } from "./config.ts";
import { keyDocs } from "./key_docs.ts";

const MAPPING = { error: "must be a mapping" };
const KINDS = ["infinilm_registry", "serve_registry", "dns", "file"] as const;
const ONE_OF = `must be a mapping with one of ${KINDS.join(", ")}`;

const removalGrace = key(duration("0s", "24h"), {
  default: "60s",
  meaning: "how long a backend that is named no more is kept, draining",
});

const registryUrl = wanting(
  z.string({ error: "must be a URL such as http://10.0.0.1:18000" }).transform(
    (written, context): BackendUrl => {
      const url = parseBackendUrl(written);
      if (!("refusal" in url)) return url;
      context.addIssue({ code: "custom", message: url.refusal, input: written });
      return z.NEVER;
    },
  ),
  "an http:// URL",
);

const ADDRESS = "an IP address and a port, such as 127.0.0.1:18000";
const address = wanting(
  z.string({ error: `must be ${ADDRESS}` }).transform((written, context): Address => {
    const read = parseAddress(written);
    if (read !== undefined) return read;
    context.addIssue({ code: "custom", message: `must be ${ADDRESS}`, input: written });
    return z.NEVER;
  }),
  ADDRESS,
);

const CIDR =
  /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}\/(?:[0-2]?\d|3[0-2])|[0-9a-f:]+\/(?:\d{1,2}|1[01]\d|12[0-8]))$/i;
const NETWORKS = "a list of networks such as 10.0.0.0/8";
const networks = wanting(
  z.array(text(CIDR, "a network such as 10.0.0.0/8"), { error: `must be ${NETWORKS}` }),
  NETWORKS,
);

const path = text(/^[^\0]+$/, "the path of a file");

/** One source of backends. */
const source = z.strictObject({
  infinilm_registry: z.strictObject({
    url: requiredKey(registryUrl, { meaning: "where the InfiniLM-SVC registry listens" }),
    interval: key(duration("1s", "1h"), { default: "10s", meaning: "how often it is asked" }),
    removal_grace: removalGrace,
  }, MAPPING).optional().register(keyDocs, { meaning: "the engines that a registry names" }),

  serve_registry: z.strictObject({
    listen: requiredKey(address, { meaning: "where babysitters register" }),
    allow: key(networks, {
      default: [],
      meaning:
        "networks that may be registered beside private ones, and whose clients may change all",
    }),
    removal_grace: removalGrace,
  }, MAPPING).optional().register(keyDocs, { meaning: "the engines that register here" }),

  dns: z.strictObject({
    name: requiredKey(text(/^[A-Za-z0-9._-]{1,253}$/, "a DNS name"), {
      meaning: "what is looked up",
    }),
    type: key(choice("A", "AAAA", "SRV"), { default: "A", meaning: "the kind of record" }),
    port: key(integer(1, 65535), { default: 8000, meaning: "the engines' port; SRV says its own" }),
    interval: key(duration("1s", "1h"), { default: "10s", meaning: "how often it is looked up" }),
    nameserver: optionalKey(address, { default: "the system's", meaning: "who is asked" }),
    removal_grace: removalGrace,
  }, MAPPING).optional().register(keyDocs, { meaning: "the engines that a DNS name stands for" }),

  file: z.strictObject({
    path: requiredKey(path, {
      meaning: "a list of backends in YAML or JSON, read again on changes",
    }),
    removal_grace: removalGrace,
  }, MAPPING).optional().register(keyDocs, { meaning: "the backends that a file lists" }),
}, { error: ONE_OF }).superRefine((source, context) => {
  if (KINDS.filter((kind) => source[kind] !== undefined).length !== 1) {
    context.addIssue({ code: "custom", message: ONE_OF, input: source });
  }
});

/** `discovery:`, where backends come from beside the list in the file. */
export const discovery = z.array(source, { error: "must be a list of sources" })
  .superRefine((sources, context) => {
    // Both would write the one state file.
    sources.forEach(({ serve_registry }, index) => {
      const first = sources.findIndex((other) => other.serve_registry !== undefined);
      if (serve_registry === undefined || index === first) return;
      const message = `is the second: \`discovery[${first}]\` serves a registry, too`;
      context.addIssue({
        code: "custom",
        path: [index, "serve_registry"],
        message,
        params: { complete: true },
      });
    });
  })
  .prefault([])
  .register(keyDocs, { meaning: "where backends come from beside the list in the file" });

/** Gives a source the shape that the rest of the program uses. */
export function resolveSource(read: z.output<typeof source>): SourceConfig {
  const { infinilm_registry, serve_registry, dns, file } = read;
  if (infinilm_registry !== undefined) {
    const { url: { url, host, port, basePath }, interval, removal_grace } = infinilm_registry;
    const at = { url, host, port, basePath };
    return {
      kind: "infinilm_registry",
      ...at,
      intervalMs: interval,
      removalGraceMs: removal_grace,
    };
  }
  if (serve_registry !== undefined) {
    const { listen, allow, removal_grace } = serve_registry;
    return { kind: "serve_registry", listen, allow, removalGraceMs: removal_grace };
  }
  if (dns !== undefined) {
    const { name, type, port, interval, nameserver, removal_grace } = dns;
    const nameServer = nameserver ?? undefined;
    const at = { name, type, port, nameServer };
    return { kind: "dns", ...at, intervalMs: interval, removalGraceMs: removal_grace };
  }
  return { kind: "file", path: file!.path, removalGraceMs: file!.removal_grace };
}

interface Address {
  host: string;
  port: number;
}

function parseAddress(text: string): Address | undefined {
  const parts = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+|localhost)):(\d{1,5})$/i.exec(text);
  const port = Number(parts?.[3]);
  if (parts === null || port > 65535 || isIP(parts[1] ?? parts[2]!) === 0) return undefined;
  return { host: parts[1] ?? parts[2]!, port };
}
