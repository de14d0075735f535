import { UpstreamClient } from "../upstream/client.ts";
import { getPage } from "../upstream/page.ts";
import { stopOn } from "../upstream/stop.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import type { Entry, HealthStatus } from "./book_entry.ts";

/** Where a service is asked whether it is well. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/**
 * An engine is asked by way of its babysitter, on the next port; anything else at its url. Whatever host that
 * names, the address is the one that was judged when the service registered.
 */
export function probeTarget({ told, address }: Pick<Entry, "told" | "address">): ProbeTarget {
  const { port, metadata } = told;
  if (metadata["type"] === "openai-api" && port < 65535) {
    return { host: address, port: port + 1, path: "/health" };
  }
  const url = URL.parse(told.url);
  if (url?.protocol !== "http:") return { host: address, port, path: "/health" };
  const path = `${url.pathname.replace(/\/+$/, "")}/health`;
  return { host: address, port: url.port === "" ? 80 : Number(url.port), path };
}

export interface ProbeEntryOptions {
  timeoutMs: number;
  signal: AbortSignal;
}

/** Asks a service once. Undefined if it was told to stop, or if this process is what cannot ask. */
export async function probeEntry(
  entry: Pick<Entry, "told" | "address">,
  { timeoutMs, signal }: ProbeEntryOptions,
): Promise<HealthStatus | undefined> {
  const { host, port, path } = probeTarget(entry);
  const client = new UpstreamClient({ host, port });
  const limit = new AbortController();
  const stop = (): void => limit.abort();
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  const timer = setTimeout(stop, timeoutMs);
  try {
    const { status } = await getPage(client, {
      target: path,
      connectTimeoutMs: timeoutMs,
      stop: stopOn(limit.signal),
    });
    return status >= 200 && status <= 299 ? "healthy" : "unhealthy";
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    return signal.aborted || error.kind === "local" ? undefined : "unhealthy";
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    client.close();
  }
}
