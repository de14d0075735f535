/**
 * The config file: every key with its meaning, default and bounds, once.
 *
 * What is written is `z.input`, what it means (milliseconds, bytes, parsed addresses) `z.output`;
 * `resolve.ts` gives the latter the shape and the names that the rest of the program uses.
 */
import { z } from "zod";
import {
  choice,
  duration,
  durationOrNull,
  fraction,
  integer,
  key,
  optionalKey,
  requiredKey,
  size,
  sizeOrNull,
  text,
  trueOrFalse,
  wanting,
} from "./_leaves.ts";
import { discovery } from "./_discovery.ts";
import { type BackendUrl, parseBackendUrl } from "./backend_url.ts";
import { keyDocs } from "./key_docs.ts";
import { parseOrigin } from "./origin.ts";

/** An issue with this in its `params` is complete: what was received is not added to it. */
export const COMPLETE = { complete: true };

// What is wrong with one value must not hide what is wrong with two.
const ALWAYS = { when: (): boolean => true };
const MAPPING = { error: "must be a mapping" };

const backendUrl = wanting(
  z.string({ error: "must be a URL such as http://10.0.0.5:8100" }).transform(
    (written, context) => {
      const url = parseBackendUrl(written);
      if (!("refusal" in url)) return url;
      const params = url.secret ? COMPLETE : undefined;
      context.addIssue({ code: "custom", message: url.refusal, input: written, params });
      return z.NEVER;
    },
  ),
  "an http:// URL",
);

const MODELS = "a list of different names, at least one";
const models = wanting(
  z.array(
    text(/^\P{Cc}+$/u, "a name of at least one character, none of them a control character"),
    { error: `must be ${MODELS}` },
  )
    .min(1, { error: `must be ${MODELS}` })
    .superRefine(refuseSameModels, ALWAYS),
  MODELS,
);

const ORIGINS = "a list of origins such as https://ui.example, or of `*` for all";
const ORIGIN =
  "an origin such as https://ui.example:3000, with no path and no slash at its end, or `*`";
const origins = wanting(
  z.array(
    z.string({ error: `must be ${ORIGIN}` }).transform((written, context) => {
      const origin = parseOrigin(written);
      if (origin !== undefined) return origin;
      context.addIssue({ code: "custom", message: `must be ${ORIGIN}`, input: written });
      return z.NEVER;
    }),
    { error: `must be ${ORIGINS}` },
  ),
  ORIGINS,
);

const listenHost = wanting(
  z.string({ error: "must be an IP address or a host name" })
    .refine(isHost, { error: "must be an IP address or a host name" })
    .transform((host) => host.replace(/^\[|\]$/g, "")),
  "an IP address or a host name",
);

const backend = z.strictObject({
  name: optionalKey(
    text(/^[A-Za-z0-9._-]{1,64}$/, "1 to 64 characters out of A-Z a-z 0-9 . _ -"),
    { default: "host_port", meaning: "what people see it called; unique" },
  ),
  url: requiredKey(backendUrl, {
    meaning: "where it listens; a path prefix is kept, /v1 at the end is cut off",
  }),
  models: optionalKey(models, { default: "discovered", meaning: "the models it serves" }),
  weight: key(integer(0, 1000), {
    default: 1,
    meaning: "its share of new calls relative to the others; 0 = no new calls",
  }),
  max_in_flight: optionalKey(integer(1, 1_000_000), {
    default: "no limit; 1 if static",
    meaning: "calls it may have at the same time",
  }),
  api_key: optionalKey(
    text(/^[\x21-\x7e]*$/, "text of visible ASCII characters"),
    { default: "none", meaning: "sent to it as a bearer token; empty = none", secret: true },
  ),
  engine: key(choice("auto", "infinilm", "openai"), {
    default: "auto",
    meaning: "what it is; auto = what its model list shows",
  }),
  engine_strict: key(trueOrFalse(), {
    default: false,
    meaning: "whether parameters that the engine would ignore are refused",
  }),
  stream_upstream: key(trueOrFalse(), {
    default: false,
    meaning: "whether whole answers are asked for as streams, and joined by the router",
  }),
  cache_type: optionalKey(choice("static", "paged"), {
    default: "not known",
    meaning: "how an InfiniLM engine keeps its cache; static = one call at a time",
  }),
  max_context: optionalKey(integer(1, 1_000_000_000), {
    default: "not known",
    meaning: "tokens that a prompt and its answer may have there",
  }),
}, { error: "must be a mapping with at least `url`" });

const A_BACKEND = "must be a list with at least one backend";

/** The whole file. */
export const configSchema = z.strictObject({
  listen: z.strictObject({
    host: key(listenHost, { default: "0.0.0.0", meaning: "the address to listen on" }),
    port: key(integer(0, 65535), { default: 8000, meaning: "the TCP port; 0 = any free one" }),
    give_up: key(duration("1s", "24h"), {
      default: "5m",
      meaning: "until the router ends when it has lost its port and cannot have it again",
    }),
  }, MAPPING).prefault({}).register(keyDocs, { meaning: "where the router accepts connections" }),

  backends: z.array(backend, { error: A_BACKEND })
    .superRefine(refuseSameBackends, ALWAYS)
    .optional()
    .register(keyDocs, { meaning: "the inference services behind the router" }),

  discovery,

  watch_config: key(trueOrFalse(), {
    default: false,
    meaning: "whether this file is read again when it changes, as SIGHUP has it read",
  }),
  state_file: optionalKey(text(/^[^\0]+$/, "the path of a file"), {
    default: "none",
    meaning: "where what has registered here survives a restart",
  }),

  routing: z.strictObject({
    policy: key(choice("round_robin", "least_load", "p2c"), {
      default: "least_load",
      meaning: "how one of the backends that serve a model is chosen",
    }),
    size_threshold: key(sizeOrNull("1B", "1GiB"), {
      default: null,
      meaning: "larger bodies go to static engines first, others to paged ones; null = all alike",
    }),
  }, MAPPING).prefault({}).register(keyDocs, { meaning: "which backend gets a call" }),

  health: z.strictObject({
    interval: key(duration("10ms", "24h"), {
      default: "30s",
      meaning: "time between two checks of a backend",
    }),
    timeout: key(duration("1ms", "24h"), {
      default: "5s",
      meaning: "how long a check may take; not longer than interval",
    }),
    path: key(text(/^\/[\x21\x22\x24-\x7e]*$/, "a path that starts with / and has no #"), {
      default: "/health",
      meaning: "what a check asks for",
    }),
    unhealthy_after: key(integer(1, 1000), {
      default: 3,
      meaning: "failed checks in a row until a backend is taken out",
    }),
    healthy_after: key(integer(1, 1000), {
      default: 1,
      meaning: "good checks in a row until it is taken in again",
    }),
    slow_start: key(duration("0s", "1h"), {
      default: "30s",
      meaning: "how long one that has come back takes to its full share; 0s = at once",
    }),
    stall_after: key(duration("100ms", "24h"), {
      default: "60s",
      meaning: "how long all calls on a backend may be silent until it must show that it generates",
    }),
    breaker: z.strictObject({
      failures: key(integer(1, 1000), {
        default: 5,
        meaning: "failed calls in a row that eject a backend",
      }),
      share: key(fraction(), {
        default: 0.5,
        meaning: "a larger share of failures among at least 20 calls of 30 s ejects it, too",
      }),
      base: key(duration("100ms", "1h"), {
        default: "10s",
        meaning: "how long it is ejected the first time, twice as long the second",
      }),
      max: key(duration("100ms", "24h"), {
        default: "5m",
        meaning: "how long at most",
      }),
    }, MAPPING).prefault({}).register(keyDocs, { meaning: "who is ejected for what calls say" }),
  }, MAPPING).superRefine(refuseLongChecks, ALWAYS).prefault({})
    .register(keyDocs, { meaning: "how backends are checked" }),

  shutdown: z.strictObject({
    grace: key(duration("0s", "1h"), {
      default: "0s",
      meaning: "how long new connections are still served after SIGTERM, while /readyz says 503",
    }),
    timeout: key(duration("0s", "24h"), {
      default: "5m",
      meaning: "how long what runs may go on then",
    }),
  }, MAPPING).prefault({}).register(keyDocs, { meaning: "how the router stops" }),

  timeouts: z.strictObject({
    head: key(duration("100ms", "1h"), {
      default: "15s",
      meaning: "from a new connection to its first request",
    }),
    keep_alive: key(duration("100ms", "24h"), {
      default: "75s",
      meaning: "from the end of an answer to the next request on its connection",
    }),
    connect: key(duration("1ms", "24h"), {
      default: "2s",
      meaning: "until a connection to a backend stands",
    }),
    request: key(duration("1ms", "24h"), {
      default: "5m",
      meaning: "until a whole answer, or the first body byte of a stream",
    }),
    idle: key(duration("1ms", "24h"), {
      default: "2m",
      meaning: "between two pieces of a stream",
    }),
    total: key(durationOrNull("1ms", "24h"), {
      default: null,
      meaning: "how long a whole stream may take; null = for ever",
    }),
    client_stall: key(durationOrNull("1ms", "24h"), {
      default: null,
      meaning: "until a client must have taken the piece that waits for it; null = as idle",
    }),
  }, MAPPING).prefault({}).register(keyDocs, { meaning: "how long the router waits" }),

  stream: z.strictObject({
    keep_alive: key(durationOrNull("1ms", "24h"), {
      default: null,
      meaning: "a client that has heard nothing for so long gets a comment; null = it does not",
    }),
  }, MAPPING).prefault({}).register(keyDocs, { meaning: "what is done to event streams" }),

  queue: z.strictObject({
    size: key(integer(0, 100_000), {
      default: 128,
      meaning: "calls that may wait for each model while all its backends are full; 0 = none",
    }),
    timeout: key(duration("1ms", "24h"), {
      default: "30s",
      meaning: "how long each may",
    }),
  }, MAPPING).prefault({}).register(keyDocs, {
    meaning: "where calls wait for a backend with room",
  }),

  retry: z.strictObject({
    attempts: key(integer(1, 10), {
      default: 3,
      meaning: "backends that one call is sent to at most, the first included",
    }),
    ambiguous: key(choice("once", "never"), {
      default: "once",
      meaning: "whether a call that a broken backend may have begun is sent to one other",
    }),
    poison_memory: key(duration("0s", "24h"), {
      default: "10m",
      meaning: "how long a request is refused that two backends died of; 0s = not at all",
    }),
    budget: key(fraction(), {
      default: 0.2,
      meaning: "of all calls of 10 s, so large a share may be sent again",
    }),
    min_per_second: key(integer(0, 1_000_000), {
      default: 3,
      meaning: "so many may be in each second, however few calls there are",
    }),
  }, MAPPING).prefault({}).register(keyDocs, { meaning: "failing over before the first byte" }),

  limits: z.strictObject({
    max_body: key(size("1KiB", "1GiB"), { default: "32MiB", meaning: "the largest request body" }),
    max_event: key(size("1KiB", "64MiB"), {
      default: "4MiB",
      meaning: "the largest event that is held back until it is whole",
    }),
    max_held: key(size("1MiB", "1024GiB"), {
      default: "1GiB",
      meaning: "what all request bodies together may occupy",
    }),
    max_requests: key(integer(1, 1_000_000), {
      default: 10_000,
      meaning: "calls under way at the same time",
    }),
    max_connections: key(integer(1, 1_000_000), {
      default: 4096,
      meaning: "connections of clients; fewer if file descriptors are few",
    }),
  }, MAPPING).superRefine(refuseSmallHeld, ALWAYS).prefault({})
    .register(keyDocs, { meaning: "how much the router takes on" }),

  requests: z.strictObject({
    validate: key(trueOrFalse(), {
      default: true,
      meaning: "whether parameters are checked before a backend sees them",
    }),
    default_model: optionalKey(
      text(/^\P{Cc}{1,512}$/u, "a name of 1 to 512 characters, none of them a control character"),
      {
        default: "the only one served",
        meaning: "the model of calls that name none, or `default`",
      },
    ),
    unknown_paths: key(choice("refuse", "forward"), {
      default: "refuse",
      meaning: "what becomes of paths that are not in the API",
    }),
  }, MAPPING).prefault({}).register(keyDocs, { meaning: "what is asked of clients" }),

  upstream_compression: key(choice("identity", "pass"), {
    default: "identity",
    meaning: "the accept-encoding that backends get: none, or the client's",
  }),

  cors: z.strictObject({
    origins: key(origins, {
      default: [],
      meaning: "the origins whose pages may ask, and read the answers; none = CORS is off",
    }),
  }, MAPPING).prefault({}).register(keyDocs, { meaning: "pages in browsers" }),

  errors: z.strictObject({
    format: key(choice("auto", "text", "openai"), {
      default: "auto",
      meaning: "the shape of error bodies",
    }),
  }, MAPPING).prefault({}).register(keyDocs, { meaning: "how errors are told to clients" }),

  log: z.strictObject({
    level: key(choice("debug", "info", "warn", "error"), {
      default: "info",
      meaning: "the least serious lines to be written",
    }),
    format: key(choice("text", "json"), { default: "text", meaning: "the shape of a line" }),
  }, MAPPING).prefault({}).register(keyDocs, { meaning: "what the router writes about its work" }),
}, MAPPING).superRefine(refuseNoBackends, ALWAYS)
  .superRefine(refuseItself, ALWAYS);

/** One backend with its values read. */
export type ReadBackend = z.output<typeof backend>;

/** The config with its values read, still under the names of the file. */
export type ReadConfig = z.output<typeof configSchema>;

type Context = z.core.$RefinementCtx;

function isHost(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  if (bare.includes(":")) return URL.canParse(`http://[${bare.replace(/%[\w.-]+$/, "")}]/`);
  return bare.length <= 253 && bare === host && /^[A-Za-z0-9._-]+$/.test(host);
}

/** Like the other refinements, it runs on whatever stands there, well-formed or not. */
function refuseSameModels(models: unknown, context: Context): void {
  if (!Array.isArray(models)) return;
  models.forEach((model, index) => {
    if (typeof model !== "string" || models.indexOf(model) === index) return;
    context.addIssue({ code: "custom", path: [index], message: "is listed twice" });
  });
}

/** Without a source there must be a backend. */
function refuseNoBackends(config: unknown, context: Context): void {
  const { backends, discovery } = Object(config) as { backends?: unknown; discovery?: unknown };
  if (Array.isArray(discovery) && discovery.length > 0) return;
  if (backends !== undefined && !(Array.isArray(backends) && backends.length === 0)) return;
  context.addIssue({ code: "custom", path: ["backends"], message: A_BACKEND });
}

const ROUTER_NAME = "infinilm-router";
const EVERY_ADDRESS = new Set(["0.0.0.0", "::"]);
const LOOPBACK = /^(?:127\.[\d.]+|localhost|::1)$/i;

/** A router that is its own backend would call itself for as long as there is room. */
function refuseItself(config: unknown, context: Context): void {
  const { listen, backends } = Object(config) as {
    listen?: { host?: unknown; port?: unknown };
    backends?: unknown;
  };
  if (!Array.isArray(backends) || listen?.port === 0) return;
  backends.forEach((backend: unknown, index) => {
    const { host, port } = Object(Object(backend).url) as Partial<BackendUrl>;
    if (host === undefined || port !== listen?.port) return;
    const here = host === listen?.host ||
      (LOOPBACK.test(host) && EVERY_ADDRESS.has(String(listen?.host)));
    if (!here) return;
    context.addIssue({
      code: "custom",
      path: ["backends", index, "url"],
      params: COMPLETE,
      message: `is where this router itself listens (\`listen\`: ${listen?.host}:${port})`,
    });
  });
}

function refuseSameBackends(backends: unknown, context: Context): void {
  if (!Array.isArray(backends)) return;
  const names = new Map<string, number>();
  const urls = new Map<string, number>();
  backends.forEach((backend: unknown, index) => {
    if (typeof backend !== "object" || backend === null) return;
    const { name, url: read } = backend as { name?: unknown; url?: Partial<BackendUrl> };
    const url = typeof read?.url === "string" ? read as BackendUrl : undefined;

    const sameUrl = url && urls.get(url.url);
    if (url && sameUrl === undefined) urls.set(url.url, index);
    if (sameUrl !== undefined) {
      context.addIssue({
        code: "custom",
        path: [index, "url"],
        params: COMPLETE,
        message: `is the same backend as \`backends[${sameUrl}]\` (${url?.url})`,
      });
    }

    if (name === ROUTER_NAME) {
      const message = "is what the router calls itself in `x-infinilm-service`";
      context.addIssue({ code: "custom", path: [index, "name"], params: COMPLETE, message });
    }
    const called = typeof name === "string" ? name : url?.defaultName;
    if (called === undefined) return;
    const sameName = names.get(called);
    if (sameName === undefined) names.set(called, index);
    else if (sameUrl === undefined || typeof name === "string") {
      context.addIssue({
        code: "custom",
        path: [index, typeof name === "string" ? "name" : "url"],
        params: COMPLETE,
        message: typeof name === "string"
          ? `must be unique: \`backends[${sameName}]\` is called ${called} too`
          : `gives the default name ${called}, as \`backends[${sameName}]\` has: set \`name\``,
      });
    }
  });
}

/** A body that may come must have room. */
function refuseSmallHeld(limits: unknown, context: Context): void {
  const { max_held, max_body } = Object(limits) as { max_held?: unknown; max_body?: unknown };
  if (typeof max_held !== "number" || typeof max_body !== "number" || max_held >= max_body) return;
  const message = "must not be smaller than `limits.max_body`";
  context.addIssue({ code: "custom", path: ["max_held"], message });
}

function refuseLongChecks(health: unknown, context: Context): void {
  const { interval, timeout } = Object(health) as { interval?: unknown; timeout?: unknown };
  // A bare number that is already refused is no interval to compare with.
  const refused = context.issues.some(({ path }) => path?.[0] === "interval");
  if (refused || typeof interval !== "number" || typeof timeout !== "number") return;
  if (timeout > interval) {
    const message = "must not be longer than `health.interval`";
    context.addIssue({ code: "custom", path: ["timeout"], message });
  }
}
