import type { Reading } from "../engine/dialect.ts";
import type { RouterError } from "../errors.ts";
import type { EventChunks } from "../sse/event_chunks.ts";
import type { ResponseBody } from "../upstream/body.ts";
import type { Header } from "../upstream/response_head.ts";
import type { UpstreamError } from "../upstream/upstream_error.ts";

/** A backend's answer whose body has begun: the first moment at which a backend has proved itself. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly Header[];
  /** The beginning of the body, of readable events whole ones; undefined if the body is empty. */
  readonly first: Uint8Array | undefined;
  /**
   * Its first events, where the client is to hear from us before they come: nothing can be tried again any more.
   * There is no `first` then. Throws what `firstEvents` does.
   */
  readonly later?: Promise<Uint8Array | undefined> | undefined;
  /** Whether the body is server-sent events. */
  readonly events: boolean;
  /** Whether the body is compressed, so that nobody here can read it. */
  readonly encoded: boolean;
  /** Cuts the rest of readable events. */
  readonly chunks: EventChunks | undefined;
  /** Makes it OpenAI's; undefined if it is. */
  readonly reading: Reading | undefined;
  /** Parameters that the engine did not look at. */
  readonly ignored: readonly string[] | undefined;
  /** Whether the request had gone out whole by then; some refuse a large one before they have it. */
  readonly requestSent: boolean;
  /** The rest. */
  readonly body: Pick<ResponseBody, "read" | "cancel" | "done" | "failed" | "untilClose">;
}

/**
 * What came of sending a call to one backend. Of a refusal the body has been read to its end, so that
 * its connection is free; `whole` is false if it was too large or too slow for that.
 */
export type Happened =
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "refusal"; readonly answer: Answer; readonly whole: boolean }
  /** The engine said in its own way that it gives no answer. */
  | { readonly kind: "rejected"; readonly error: RouterError }
  | { readonly kind: "failure"; readonly error: UpstreamError };

/** Whether a body says that it is JSON. */
export function saysJson(headers: readonly Header[]): boolean {
  return /^[^;]*[/+]json\s*(?:;|$)/i.test(valueOf(headers, "content-type"));
}

/** A header's value, or empty. */
export function valueOf(headers: readonly Header[], name: string): string {
  for (const header of headers) if (header[0] === name) return header[1];
  return "";
}

/**
 * Whether an answer must show by what is in it that it is whole: only the close ends it, and it is not an error,
 * whose status says enough and whose page may be anything.
 */
export function asksForWhole(
  { status, body }: { status: number; body: Pick<Answer["body"], "untilClose"> },
): boolean {
  return body.untilClose && status < 400;
}
