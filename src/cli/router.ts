import { isDeepStrictEqual } from "node:util";
import { Queue } from "../admission/queue.ts";
import { createRoutes } from "../api/routes.ts";
import type { Config } from "../config/config.ts";
import { type Difference, difference } from "../config/difference.ts";
import { Merge } from "../discovery/merge.ts";
import { createAcceptors } from "../door/acceptors.ts";
import { Listener, type ListenerOptions } from "../door/listener.ts";
import { Fleet } from "../fleet/fleet.ts";
import { accessLog } from "../observe/access_log.ts";
import type { ConfigurableLog } from "../observe/log.ts";
import { byModel } from "../policy/by_model.ts";
import { createPolicy } from "../policy/mod.ts";
import { HeldBytes } from "../admission/held_bytes.ts";
import { IgnoredNotes } from "../proxy/ignored_notes.ts";
import type { House } from "../proxy/house.ts";
import { OpenCalls } from "../admission/open_calls.ts";
import { OneAtATime } from "../proxy/one_at_a_time.ts";
import { PoisonMemory } from "../proxy/poison_memory.ts";
import { SharedBudget } from "../proxy/retry_budget.ts";
import { SharedTimer } from "../proxy/shared_timer.ts";
import type { Registry } from "../registry/registry.ts";
import type { RunningRegistry } from "./registry_server.ts";
import { Sources } from "./sources.ts";
import { listenError } from "./listen_error.ts";

/** How long after the last call has ended its last bytes may take to reach the client. */
const LAST_BYTES_MS = 3000;

/** A router that listens. */
export interface RunningRouter {
  readonly host: string;
  readonly port: number;
  /** Whether it has its port; one that is lost is tried to be had again. */
  readonly listening: boolean;
  /** Resolves if the port was lost for good. */
  readonly lost: Promise<void>;
  /**
   * Takes another configuration, all of it but what needs a restart; calls go on with the one they began with.
   * Tells what has changed.
   */
  reload(next: Config): Difference;
  /** Says on `/health` that another configuration was to be taken, and why it was not. */
  reloadFailed(reason: string): void;
  /** Takes no new connection and lets what runs come to its end; resolves when all has. */
  drain(): Promise<void>;
}

export interface RouterOptions {
  registry: Registry;
  log: ConfigurableLog;
}

/**
 * Puts the rooms together and starts listening: the one place that knows them all.
 * Throws `CliError` if the address cannot be had.
 */
export function startRouter(first: Config, { registry, log }: RouterOptions): RunningRouter {
  let config = first;
  const now = (): number => performance.now();
  const { random } = Math;
  const policiesOf = ({ routing }: Config): House["policyOf"] =>
    byModel(() => createPolicy(routing, random));
  const fleet = new Fleet(registry, {
    health: config.health,
    log,
    now,
    wallNow: Date.now,
    random,
  });
  const budget = new SharedBudget({
    share: config.retry.budget,
    minPerSecond: config.retry.minPerSecond,
    now,
    random,
  });
  let house: House = {
    id: `infinilm-router-${crypto.randomUUID().slice(0, 8)}`,
    config,
    registry,
    policyOf: policiesOf(config),
    clientOf: (backend) => fleet.clientOf(backend),
    queue: new Queue({ ...config.queue, registry, now }),
    budget,
    poison: new PoisonMemory({ refusedMs: config.retry.poisonMemoryMs, now }),
    log,
    sinks: [accessLog(log)],
    requestTimer: new SharedTimer(config.timeouts.requestMs, now),
    openCalls: new OpenCalls(config.limits.maxRequests),
    largeBodies: new OneAtATime(),
    heldBytes: new HeldBytes(config.limits.maxHeld),
    ignoredNotes: new IgnoredNotes(log),
    now,
  };
  const sources = new Sources(config, { log });
  const merge = new Merge(sources.all, {
    log,
    now,
    onSpecs: (specs) => fleet.apply(specs),
  });
  let draining = false;
  /** Why the configuration in force is not the one last asked for. */
  let stale: string | undefined;
  const handler = createRoutes({
    house: () => house,
    draining: () => draining,
    sources: () => merge.sources,
    stale: () => stale,
    wallNow: Date.now,
    createRequestId: () => crypto.randomUUID(),
  });
  const acceptors = createAcceptors({ config, handler, log, now });
  const listener = listen(
    { listen: config.listen, open: acceptors.open, log, now },
    () => stopAll(sources.registries),
  );
  merge.start();
  const { host, port } = listener;
  log.info("router is listening", { host, port, backends: config.backends.length });
  return {
    host,
    port,
    get listening(): boolean {
      return listener.listening;
    },
    // A registry that has lost its port says so in the log; calls go on.
    lost: listener.lost.then(() => stopAll(sources.registries)),
    reload(asked): Difference {
      const before = config;
      const told = difference(before, asked);
      const { listen, stateFile } = before;
      config = { ...asked, listen, stateFile };
      const { limits, retry, timeouts } = config;
      log.configure(config.log);
      acceptors.configure(config);
      house.queue.configure(config.queue);
      budget.configure({ share: retry.budget, minPerSecond: retry.minPerSecond });
      house.poison.configure({ refusedMs: retry.poisonMemoryMs });
      house.openCalls.configure(limits.maxRequests);
      house.heldBytes.configure(limits.maxHeld);
      house = {
        ...house,
        config,
        policyOf: isDeepStrictEqual(before.routing, config.routing)
          ? house.policyOf
          : policiesOf(config),
        requestTimer: timeouts.requestMs === before.timeouts.requestMs
          ? house.requestTimer
          : new SharedTimer(timeouts.requestMs, now),
      };
      fleet.configure(config.health);
      sources.configure(config);
      merge.replace(sources.all);
      stale = undefined;
      return told;
    },
    reloadFailed(reason): void {
      stale = reason;
    },
    async drain(): Promise<void> {
      const { graceMs, timeoutMs } = config.shutdown;
      draining = true;
      if (graceMs > 0) await new Promise((resolve) => setTimeout(resolve, graceMs));
      const limit = setTimeout(() => {
        const { count } = house.openCalls;
        if (count > 0) log.warn("calls are cut: shutdown.timeout", { calls: count });
        house.openCalls.shutDown();
      }, timeoutMs);
      await endOf(listener.shutdown(), house.openCalls);
      clearTimeout(limit);
      listener.cut();
      house.requestTimer.stop();
      merge.stop();
      await stopAll(sources.registries);
      fleet.stop();
    },
  };
}

/** `giveUp` ends what already runs, if this cannot. */
function listen(options: ListenerOptions, giveUp: () => void): Listener {
  try {
    return new Listener(options);
  } catch (error) {
    giveUp();
    throw listenError(error, options.listen);
  }
}

async function stopAll(registries: readonly RunningRegistry[]): Promise<void> {
  await Promise.all(registries.map((registry) => registry.stop()));
}

/**
 * Resolves when the server has shut down, or when no call has been open for a while: a client that
 * never finishes its request, or never reads the end of its answer, does not count.
 */
async function endOf(shutdown: Promise<void>, openCalls: OpenCalls): Promise<void> {
  let over = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const lastBytes = openCalls.idle().then(() =>
    new Promise<void>((resolve) => {
      if (!over) timer = setTimeout(resolve, LAST_BYTES_MS);
    })
  );
  await Promise.race([shutdown, lastBytes]);
  over = true;
  clearTimeout(timer);
}
