import type { Backend } from "../registry/backend.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import { Asker, type AskOptions } from "./asker.ts";
import type { CheckResult } from "./health_gate.ts";
import { learnModels } from "./model_list.ts";

export interface ProbeOptions extends AskOptions {
  /** The health path, behind the backend's own prefix. */
  path: string;
  /** Whether to ask on a connection of its own: whether new ones can be made is then what is asked. */
  fresh?: boolean;
  /** Whether one that nobody listens at may still be loading its model. */
  maybeStarting?: boolean;
}

/**
 * Asks a backend once whether it is well and, unless the configuration says so, what it serves, and what it is.
 * What goes wrong is a miss, unless it is this process that cannot ask; only a defect of ours is thrown.
 */
export async function probe(
  backend: Backend,
  { path, fresh = false, maybeStarting = false, ...options }: ProbeOptions,
): Promise<CheckResult> {
  using asker = new Asker(backend, options);
  try {
    const { status } = await asker.get(path, { fresh });
    if (status === 503) return { kind: "unavailable", reason: `${path} answered 503` };
    if (status < 200 || status > 299) return { kind: "miss", reason: `${path} answered ${status}` };
    const { spec: { models }, engineUnknown } = backend;
    // Calls are better off with its dialect; until that is known, what could harm an engine is refused.
    const noList = models === undefined || engineUnknown
      ? await learnModels(backend, asker)
      : undefined;
    return noList === undefined || models !== undefined
      ? { kind: "good" }
      : { kind: "good", noModels: noList };
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    const reason = asker.over ? `no answer within ${options.timeoutMs} ms` : error.message;
    // InfiniLM and vLLM listen only once their model is loaded.
    const starting = maybeStarting && error.kind === "refused" ? " (starting)" : "";
    const kind = error.kind === "local" ? "local" : "miss";
    if (kind === "local") return { kind, reason: `${path}: ${reason}` };
    return { kind, reason: `${path}: ${reason}${starting}`, ...(asker.over && { silent: true }) };
  }
}
