import type { RouterProcess } from "./router.ts";
import { until } from "./until.ts";

/** Established, and closed by the other side only, as Linux numbers them. */
const OPEN: ReadonlySet<string> = new Set(["01", "08"]);

/**
 * Waits until a backend that has begun to refuse has closed the router's kept connections, and the
 * router has seen it: a call must not meet one in that very moment.
 */
export async function keptConnectionsGone(router: RouterProcess, port: number): Promise<void> {
  await until("kept connections are gone", () => connectionsTo(port) === 0);
  // What has happened to sockets is seen before what comes later.
  for (let turn = 0; turn < 2; turn++) await (await router.fetch("/livez")).text();
}

/** How many connections processes of this machine hold open to a port of it, as Linux counts them. */
export function connectionsTo(port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = Deno.readTextFileSync("/proc/net/tcp").split("\n").slice(1);
  return lines.filter((line) => {
    const [, , remote = "", state = ""] = line.trim().split(/\s+/);
    return remote.endsWith(suffix) && OPEN.has(state);
  }).length;
}
