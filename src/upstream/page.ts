import type { UpstreamClient } from "./client.ts";
import type { Header } from "./response_head.ts";
import type { Stop } from "./stop.ts";
import { UpstreamError } from "./upstream_error.ts";

/** No health page or list is larger; what is, is not one. */
const MAX_BODY_BYTES = 1024 * 1024;

export interface PageRequest {
  /** Path and query. */
  target: string;
  headers?: readonly Header[];
  /** Left out, it is a GET; else a POST. */
  body?: Uint8Array;
  /** Bounds the making of a connection, milliseconds. */
  connectTimeoutMs: number;
  stop: Stop;
  /** Whether on a connection of its own. */
  fresh?: boolean;
  /** Bytes that it may have. Default: 1 MiB. */
  maxBytes?: number;
}

/** A short answer, whole. */
export interface Page {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly text: string;
}

/**
 * Asks for a page. Redirects are not followed; a kept connection that had died is no reason to fail. Throws
 * `UpstreamError`.
 */
export async function getPage(client: UpstreamClient, request: PageRequest): Promise<Page> {
  try {
    return await getOnce(client, request);
  } catch (error) {
    if (!(error instanceof UpstreamError && error.stale)) throw error;
    return await getOnce(client, { ...request, fresh: true });
  }
}

async function getOnce(
  client: UpstreamClient,
  {
    target,
    headers = [],
    body: sent,
    connectTimeoutMs,
    stop,
    fresh = false,
    maxBytes = MAX_BODY_BYTES,
  }: PageRequest,
): Promise<Page> {
  const { status, headers: answered, body } = await client.send({
    method: sent === undefined ? "GET" : "POST",
    target,
    headers: [["accept", "application/json"], ["accept-encoding", "identity"], ...headers],
    body: sent,
  }, { connectTimeoutMs, stop, fresh });
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    bytes += piece.length;
    if (bytes > maxBytes) {
      body.cancel();
      throw new UpstreamError("bad_answer", `the page is larger than ${maxBytes} bytes`, {
        phase: "body",
      });
    }
    text += decoder.decode(piece, { stream: true });
  }
  return { status, headers: answered, text: text + decoder.decode() };
}
