import { MODEL_PATHS, readModelIds } from "../engine/openai.ts";
import type { Backend } from "../registry/backend.ts";
import type { UpstreamClient } from "../upstream/client.ts";
import { stopOn } from "../upstream/stop.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import type { CheckResult } from "./health_gate.ts";

/** No health page or model list is larger; what is, is not one. */
const MAX_BODY_BYTES = 1024 * 1024;

export interface ProbeOptions {
  client: UpstreamClient;
  /** The health path, behind the backend's own prefix. */
  path: string;
  /** Bounds one whole check, the model list included, milliseconds. */
  timeoutMs: number;
  signal: AbortSignal;
  /** Whether to ask on a connection of its own: whether new ones can be made is then what is asked. */
  fresh?: boolean;
}

interface Page {
  readonly status: number;
  readonly text: string;
}

/**
 * Asks a backend once whether it is well and, unless the configuration says so, what it serves.
 * Redirects are not followed. What goes wrong is a miss, unless it is this process that cannot ask;
 * only a defect of ours is thrown.
 */
export async function probe(backend: Backend, options: ProbeOptions): Promise<CheckResult> {
  const { client, path, timeoutMs, fresh = false } = options;
  const limit = new AbortController();
  const stop = (): void => limit.abort();
  if (options.signal.aborted) stop();
  options.signal.addEventListener("abort", stop);
  const timer = setTimeout(stop, timeoutMs);
  const get = async (path: string, fresh = false): Promise<Page> => {
    const request = { backend, client, path, limit, timeoutMs };
    try {
      return await fetchPage({ ...request, fresh });
    } catch (error) {
      if (!(error instanceof UpstreamError && error.stale)) throw error;
      return await fetchPage({ ...request, fresh: true }); // its kept connection had died
    }
  };
  try {
    const { status } = await get(path, fresh);
    if (status === 503) return { kind: "unavailable", reason: `${path} answered 503` };
    if (status < 200 || status > 299) return { kind: "miss", reason: `${path} answered ${status}` };
    const noModels = backend.spec.models === undefined
      ? await discoverModels(backend, get)
      : undefined;
    return noModels === undefined ? { kind: "good" } : { kind: "good", noModels };
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    const reason = limit.signal.aborted ? `no answer within ${timeoutMs} ms` : error.message;
    return { kind: error.kind === "local" ? "local" : "miss", reason: `${path}: ${reason}` };
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener("abort", stop);
  }
}

/**
 * Asks what the backend serves. Returns why that is not known, or undefined. One that is well but tells no
 * models keeps those it had; the health page's verdict stands, and the next check asks again.
 */
async function discoverModels(
  backend: Backend,
  get: (path: string) => Promise<Page>,
): Promise<string | undefined> {
  const found: string[] = [];
  for (const path of MODEL_PATHS) {
    try {
      const { status, text } = await get(path);
      const ids = status === 200 ? readModelIds(text) : undefined;
      if (ids !== undefined) {
        backend.discovered(ids);
        return ids.length > 0 ? undefined : `${path} lists no models`;
      }
      found.push(`${path} answered ${status === 200 ? "no model list" : status}`);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      found.push(`${path}: ${error.message}`);
    }
  }
  return found.join(", ");
}

async function fetchPage(
  { backend, client, path, limit, timeoutMs, fresh }: {
    backend: Backend;
    client: UpstreamClient;
    path: string;
    limit: AbortController;
    timeoutMs: number;
    fresh: boolean;
  },
): Promise<Page> {
  const { basePath, apiKey } = backend.spec;
  const headers: [string, string][] = [["accept", "application/json"], [
    "accept-encoding",
    "identity",
  ]];
  if (apiKey !== undefined) headers.push(["authorization", `Bearer ${apiKey}`]);
  const { status, body } = await client.send(
    { method: "GET", target: basePath + path, headers },
    { connectTimeoutMs: timeoutMs, stop: stopOn(limit.signal), fresh },
  );
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    bytes += piece.length;
    if (bytes > MAX_BODY_BYTES) {
      body.cancel();
      throw new UpstreamError("bad_answer", `the page is larger than ${MAX_BODY_BYTES} bytes`, {
        phase: "body",
      });
    }
    text += decoder.decode(piece, { stream: true });
  }
  return { status, text: text + decoder.decode() };
}
