import { Breaker, type BreakerOptions } from "../health/breaker.ts";
import { check } from "../health/check.ts";
import { type ChangeFacts, HealthGate } from "../health/health_gate.ts";
import { learnCards } from "../health/model_list.ts";
import { Prober } from "../health/prober.ts";
import { StallWatch } from "../health/stall_watch.ts";
import type { Log } from "../observe/log.ts";
import { Backend, type BackendSpec } from "../registry/backend.ts";
import type { Observed } from "../registry/gate.ts";
import { UpstreamClient } from "../upstream/client.ts";

/** How often in `stall_after` it is looked whether calls get bytes, and how often at least, milliseconds. */
const LOOKS = 4;
const LOOK_MS = 1000;

/** An engine that nobody listens at is taken to be loading for so long, milliseconds; then it is down. */
const STARTING_MS = 10 * 60_000;

export interface UnitOptions {
  /** Read anew each time, as it may change. */
  readonly health: {
    readonly path: string;
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly unhealthyAfter: number;
    readonly healthyAfter: number;
    readonly slowStartMs: number;
    readonly stallAfterMs: number;
    readonly breaker: Pick<BreakerOptions, "failures" | "share" | "baseMs" | "maxMs">;
  };
  log: Log;
  /** A monotonic clock, milliseconds. */
  now: () => number;
  /** Wall clock, milliseconds since 1970. */
  wallNow: () => number;
  /** Numbers in [0, 1). */
  random: () => number;
  /** Has all units give up idle connections; the fleet's to say. */
  makeRoom?: () => void;
}

/** A backend and all that lives and ends with it: its connections, its checks, its gate. */
export class BackendUnit {
  readonly backend: Backend;
  readonly client: UpstreamClient;
  readonly #prober: Prober;
  readonly #health: UnitOptions["health"];
  readonly #watch: StallWatch;
  #looks: ReturnType<typeof setInterval> | undefined;

  constructor(spec: BackendSpec, { health, log, now, wallNow, random, makeRoom }: UnitOptions) {
    const createdAt = wallNow();
    /** Whether it has been well, and is not any more. */
    let fallen = false;
    const { host, port } = spec;
    const client = new UpstreamClient({
      host,
      port,
      ...(makeRoom === undefined ? {} : { makeRoom }),
    });
    const gate = new HealthGate({
      get unhealthyAfter(): number {
        return health.unhealthyAfter;
      },
      get healthyAfter(): number {
        return health.healthyAfter;
      },
      wallNow,
      recheck: () => prober.checkNow(),
      onChange: (observed, facts) => {
        tell(log, backend, { ...observed, ...facts });
        if (facts.fell) fallen = true;
        else if (observed.healthy && fallen) {
          fallen = false;
          breaker.restarted();
          backend.startSlowly(now(), health.slowStartMs);
        }
        backend.onChange?.();
        if (facts.fell) backend.revokeWaiting(facts.silent ? "hung" : "fell");
      },
    });
    const breaker = new Breaker(gate, {
      get failures(): number {
        return health.breaker.failures;
      },
      get share(): number {
        return health.breaker.share;
      },
      get baseMs(): number {
        return health.breaker.baseMs;
      },
      get maxMs(): number {
        return health.breaker.maxMs;
      },
      now,
      wallNow,
      random,
      onChange: (open, cause) => {
        const { name } = backend;
        if (open) log.warn("backend is ejected by its calls", { backend: name, cause });
        else {
          log.info("backend is back after a good call", { backend: name });
          backend.startSlowly(now(), health.slowStartMs);
        }
        backend.onChange?.();
      },
    });
    const backend = new Backend(spec, { createGate: () => breaker, wallNow });
    const watch = new StallWatch(backend, {
      get stallAfterMs(): number {
        return health.stallAfterMs;
      },
      now,
      onSuspect: (cause) => gate.doubt(cause),
    });
    const prober = new Prober({
      gate,
      get intervalMs(): number {
        return health.intervalMs;
      },
      random,
      settled: () =>
        gate.observed.healthy && backend.models !== undefined && !backend.engineUnknown,
      probe: (signal, { fresh }) =>
        check(backend, {
          watch,
          client,
          path: health.path,
          timeoutMs: health.timeoutMs,
          signal,
          fresh: fresh || !gate.observed.healthy,
          maybeStarting: wallNow() - (gate.observed.since ?? createdAt) < STARTING_MS,
        }),
      learn: async (signal) => {
        breaker.checkedGood();
        // Whose list the check itself asks for has said all.
        if (backend.spec.models === undefined || backend.engineUnknown) return;
        await learnCards(backend, { client, timeoutMs: health.timeoutMs, signal });
      },
      onDefect: (error) => log.error("internal error", { backend: backend.name, error }),
    });
    this.backend = backend;
    this.client = client;
    this.#prober = prober;
    this.#health = health;
    this.#watch = watch;
  }

  /** Begins the checks. */
  start(): void {
    this.settingsChanged();
  }

  /** Checks anew, and looks as often as is said now. */
  settingsChanged(): void {
    this.#prober.checkNow();
    clearInterval(this.#looks);
    const lookMs = Math.min(LOOK_MS, this.#health.stallAfterMs / LOOKS);
    this.#looks = setInterval(() => this.#watch.look(), lookMs);
  }

  /** Takes another spec with the same address. */
  reconfigure(spec: BackendSpec): void {
    this.backend.configure(spec);
    this.#prober.checkNow();
  }

  /** Ends the checks and the idle connections; those in use end with their calls. */
  stop(): void {
    this.#prober.stop();
    clearInterval(this.#looks);
    this.client.close();
  }
}

function tell(log: Log, backend: Backend, change: Observed & ChangeFacts): void {
  const { name } = backend;
  const { healthy, cause, flipped } = change;
  if (!healthy) log.warn("backend is unhealthy", { backend: name, cause });
  else if (flipped) log.info("backend is healthy", { backend: name, models: backend.models });
  else if (cause === "") {
    log.info("backend tells its models", { backend: name, models: backend.models });
  }
  if (healthy && cause !== "") log.warn("backend tells no models", { backend: name, cause });
}
