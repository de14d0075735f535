import type { Config } from "../config/config.ts";
import type { Log } from "../observe/log.ts";
import type { Policy } from "../policy/policy.ts";
import type { Backend } from "../registry/backend.ts";
import type { Registry } from "../registry/registry.ts";
import type { UpstreamClient } from "../upstream/client.ts";
import type { HeldBytes } from "./held_bytes.ts";
import type { OpenCalls } from "./open_calls.ts";
import type { SharedTimer } from "./shared_timer.ts";

/** Everything a call meets on its way, made once by `cli/router.ts` and never changed. */
export interface House {
  readonly config: Config;
  readonly registry: Registry;
  readonly choose: Policy;
  readonly clientOf: (backend: Backend) => UpstreamClient;
  readonly log: Log;
  /** Runs `timeouts.request` of every call. */
  readonly requestTimer: SharedTimer;
  readonly openCalls: OpenCalls;
  readonly heldBytes: HeldBytes;
  /** Monotonic clock, milliseconds. */
  readonly now: () => number;
}
