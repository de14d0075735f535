import { dialectOf } from "../engine/engines.ts";
import type { Backend } from "../registry/backend.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import { Asker, type AskOptions } from "./asker.ts";
import type { CheckResult } from "./health_gate.ts";

/**
 * Asks an engine that looks hung for the shortest answer that it can generate. Whatever it answers, it is not hung;
 * only silence is. One that has not said what it serves cannot be asked, and stays what it looks like.
 */
export async function askForSign(backend: Backend, options: AskOptions): Promise<CheckResult> {
  const [model] = backend.models ?? [];
  if (model === undefined) return { kind: "local", reason: "it has not said what it serves" };
  const { target, body } = dialectOf(backend).sign(model);
  using asker = new Asker(backend, options);
  try {
    await asker.post(target, body);
    return { kind: "good" };
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    if (!asker.over) {
      return { kind: error.kind === "local" ? "local" : "miss", reason: error.message };
    }
    const reason =
      `hung: no byte to its calls, nor to one of 2 tokens within ${options.timeoutMs} ms`;
    return { kind: "unavailable", reason, silent: true };
  }
}
