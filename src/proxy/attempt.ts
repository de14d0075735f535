import type { Backend } from "../registry/backend.ts";
import type { ResponseBody } from "../upstream/body.ts";
import type { Header } from "../upstream/response_head.ts";
import type { Call } from "./call.ts";
import type { Cutoff } from "./cutoff.ts";
import { withApiKey } from "./headers.ts";
import type { House } from "./house.ts";

/** A backend's answer whose body has begun: the first moment at which a backend has proved itself. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly Header[];
  /** Undefined if the body is empty. */
  readonly first: Uint8Array | undefined;
  /** Whether the body is server-sent events. */
  readonly events: boolean;
  /** Whether the body is compressed, so that nobody here can read it. */
  readonly encoded: boolean;
  /** Whether the request had gone out whole by then; some refuse a large one before they have it. */
  readonly requestSent: boolean;
  /** The rest. */
  readonly body: Pick<ResponseBody, "read" | "cancel" | "done">;
}

/**
 * Sends a call to one backend and waits for the first byte of the answer's body: InfiniLM sends its
 * head before it has even queued the call. Throws `UpstreamError`.
 */
export async function attempt(
  call: Call,
  { backend, house, cutoff }: { backend: Backend; house: House; cutoff: Cutoff },
): Promise<Answer> {
  const { basePath, apiKey } = backend.spec;
  const { status, headers, body, requestSent } = await house.clientOf(backend).send({
    method: "POST",
    target: basePath + call.endpoint.upstreamPath + call.query,
    headers: withApiKey(call.headers, apiKey),
    body: call.body,
  }, { connectTimeoutMs: house.config.timeouts.connectMs, stop: cutoff });
  const first = await body.read();
  const events = /^text\/event-stream\s*(;|$)/i.test(valueOf(headers, "content-type"));
  const encoded = !/^(identity)?$/i.test(valueOf(headers, "content-encoding"));
  return { status, headers, first, events, encoded, requestSent, body };
}

function valueOf(headers: readonly Header[], name: string): string {
  return headers.find((header) => header[0] === name)?.[1] ?? "";
}
