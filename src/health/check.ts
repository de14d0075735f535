import type { Backend } from "../registry/backend.ts";
import type { CheckResult } from "./health_gate.ts";
import { probe, type ProbeOptions } from "./probe.ts";
import { askForSign } from "./sign_of_life.ts";
import type { StallWatch } from "./stall_watch.ts";

export interface CheckOptions extends ProbeOptions {
  watch: StallWatch;
}

/**
 * One check: its pages and, of an engine that looks hung, a call, without which it is not well. Throws defects
 * alone.
 */
export async function check(
  backend: Backend,
  { watch, ...options }: CheckOptions,
): Promise<CheckResult> {
  const { pieces } = backend.flow;
  const result = await probe(backend, options);
  // InfiniLM's server is deaf while it tokenises; answers that flow say more than its silence.
  if (result.kind === "miss" && result.silent && backend.flow.pieces !== pieces) {
    return { kind: "local", reason: result.reason };
  }
  if (result.kind !== "good" || !watch.suspect) return result;
  const sign = await askForSign(backend, options);
  if (sign.kind !== "good") return sign;
  watch.acquit();
  return result;
}
