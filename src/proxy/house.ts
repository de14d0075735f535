import type { Queue } from "../admission/queue.ts";
import type { Config } from "../config/config.ts";
import type { Log } from "../observe/log.ts";
import type { Sink } from "../observe/request_record.ts";
import type { Backend } from "../registry/backend.ts";
import type { Policy } from "../registry/choice.ts";
import type { Registry } from "../registry/registry.ts";
import type { UpstreamClient } from "../upstream/client.ts";
import type { HeldBytes } from "../admission/held_bytes.ts";
import type { IgnoredNotes } from "./ignored_notes.ts";
import type { OneAtATime } from "./one_at_a_time.ts";
import type { OpenCalls } from "../admission/open_calls.ts";
import type { PoisonMemory } from "./poison_memory.ts";
import type { RetryBudget } from "./retry_budget.ts";
import type { SharedTimer } from "./shared_timer.ts";

/**
 * Everything a call meets on its way. Made by `cli/router.ts`, never changed, but replaced as a whole by
 * another when the configuration is; a call keeps the one that it entered.
 */
export interface House {
  /** What this router calls itself towards backends: no other has that name. */
  readonly id: string;
  readonly config: Config;
  readonly registry: Registry;
  readonly policyOf: (model: string) => Policy;
  readonly clientOf: (backend: Backend) => UpstreamClient;
  readonly queue: Queue;
  readonly budget: RetryBudget;
  readonly poison: PoisonMemory;
  readonly log: Log;
  /** Who is told of every request that is over. */
  readonly sinks: readonly Sink[];
  /** Runs `timeouts.request` of every call. */
  readonly requestTimer: SharedTimer;
  readonly openCalls: OpenCalls;
  readonly heldBytes: HeldBytes;
  /** Large bodies are read one after the other. */
  readonly largeBodies: OneAtATime;
  readonly ignoredNotes: IgnoredNotes;
  /** Monotonic clock, milliseconds. */
  readonly now: () => number;
}
