/** How the next backend is chosen: see `src/policy/`. */
export type PolicyName = "round_robin" | "least_load" | "p2c";

/** One backend as resolved: defaults filled in, its url taken apart. */
export interface BackendConfig {
  /** Unique; what people see in answers, logs and statistics. */
  name: string;
  /** The base address as shown to people: `http://host:port/prefix`, without `/v1`. */
  url: string;
  /** Without the brackets of an IPv6 address. */
  host: string;
  port: number;
  /** `""`, or a path such as `/prefix`: no slash at its end. */
  basePath: string;
  /** `undefined`: the backend is asked for its models. */
  models: string[] | undefined;
  /** Share of new calls relative to the other backends; 0 = none. */
  weight: number;
  /** `undefined`: no limit. */
  maxInFlight: number | undefined;
  /** Sent as `authorization: Bearer …`; `undefined`: the client's own header passes. */
  apiKey: string | undefined;
  /** `auto`: what its model list shows. */
  engine: "auto" | "openai" | "infinilm";
  /** Whether what its engine would ignore is refused. */
  strict: boolean;
  /** Whether its engine is asked for streams where clients want whole answers. */
  streamUpstream: boolean;
  cacheType: "static" | "paged" | undefined;
  /** Tokens that a prompt and its answer may have there; `undefined`: not known. */
  maxContext: number | undefined;
  /** What other sources tell beyond that; the file tells nothing. */
  metadata: undefined;
  leaving: false;
}

/** Where backends come from beside the list in the file. */
export type SourceConfig =
  & { removalGraceMs: number }
  & (
    | {
      kind: "infinilm_registry";
      url: string;
      host: string;
      port: number;
      basePath: string;
      intervalMs: number;
    }
    | { kind: "serve_registry"; listen: { host: string; port: number }; allow: string[] }
    | {
      kind: "dns";
      name: string;
      type: "A" | "AAAA" | "SRV";
      port: number;
      nameServer: { host: string; port: number } | undefined;
      intervalMs: number;
    }
    | { kind: "file"; path: string }
  );

/** What the operator wrote, made safe. Every key, bound and default is described in `schema.ts`. */
export interface Config {
  listen: { host: string; port: number; giveUpMs: number };
  /** At least one, or at least one source in `discovery`. */
  backends: BackendConfig[];
  discovery: SourceConfig[];
  /** Whether a change of the file is taken at once. */
  watchConfig: boolean;
  /** Where what was learned survives a restart; `undefined`: nowhere. */
  stateFile: string | undefined;
  /** `sizeThreshold` in bytes; null: it plays no part. */
  routing: { policy: PolicyName; sizeThreshold: number | null };
  health: {
    intervalMs: number;
    timeoutMs: number;
    path: string;
    unhealthyAfter: number;
    healthyAfter: number;
    slowStartMs: number;
    stallAfterMs: number;
    /** `share` from 0 to 1. */
    breaker: { failures: number; share: number; baseMs: number; maxMs: number };
  };
  shutdown: { graceMs: number; timeoutMs: number };
  queue: { size: number; timeoutMs: number };
  /** `keepAliveMs: null`: silence stays silence. */
  stream: { keepAliveMs: number | null };
  /** `totalMs: null`: a stream may run for ever. */
  timeouts: {
    headMs: number;
    keepAliveMs: number;
    connectMs: number;
    requestMs: number;
    idleMs: number;
    totalMs: number | null;
    clientStallMs: number;
  };
  /** `budget` from 0 to 1. */
  retry: {
    attempts: number;
    ambiguous: "once" | "never";
    poisonMemoryMs: number;
    budget: number;
    minPerSecond: number;
  };
  /** `maxBody`, `maxEvent` and `maxHeld` in bytes. */
  limits: {
    maxBody: number;
    maxEvent: number;
    maxHeld: number;
    maxRequests: number;
    maxConnections: number;
  };
  /** `defaultModel: undefined`: the only one that is served. */
  requests: {
    validate: boolean;
    defaultModel: string | undefined;
    unknownPaths: "refuse" | "forward";
  };
  upstreamCompression: "identity" | "pass";
  /** `origins` as browsers spell them, or `*`; none: CORS is off. */
  cors: { origins: string[] };
  errors: { format: "auto" | "text" | "openai" };
  log: { level: "debug" | "info" | "warn" | "error"; format: "text" | "json" };
}
