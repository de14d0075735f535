import type { Header } from "../upstream/response_head.ts";

/** A request's headers, read once: what the router looks at by name, and what may be passed on. */
export interface RequestHead {
  host?: string;
  requestId?: string;
  transferEncoding?: string;
  contentLength?: string;
  contentEncoding?: string;
  contentType?: string;
  acceptEncoding?: string;
  connection?: string;
  forwardedFor?: string;
  expect?: string;
  via?: string;
  /** All but what is meant for one hop only, or is ours to set. */
  readonly passing: Header[];
}

type Field = Exclude<keyof RequestHead, "passing">;

/** Headers that are looked at; those with `pass` go on to the backend as well. */
const FIELDS: ReadonlyMap<string, { readonly field?: Field; readonly pass: boolean }> = new Map([
  ["host", { field: "host", pass: false }],
  ["x-request-id", { field: "requestId", pass: false }],
  ["transfer-encoding", { field: "transferEncoding", pass: false }],
  ["content-length", { field: "contentLength", pass: false }],
  ["content-encoding", { field: "contentEncoding", pass: true }],
  ["content-type", { field: "contentType", pass: true }],
  ["accept-encoding", { field: "acceptEncoding", pass: false }],
  ["connection", { field: "connection", pass: false }],
  ["x-forwarded-for", { field: "forwardedFor", pass: false }],
  ["expect", { field: "expect", pass: false }],
  ["via", { field: "via", pass: false }],
  // Meaningful for one hop only (RFC 9110, section 7.6.1).
  ["keep-alive", { pass: false }],
  ["proxy-authenticate", { pass: false }],
  ["proxy-authorization", { pass: false }],
  ["proxy-connection", { pass: false }],
  ["te", { pass: false }],
  ["trailer", { pass: false }],
  ["upgrade", { pass: false }],
  ["http2-settings", { pass: false }],
]);

/** One pass over the headers: each `get` of its own costs about as much as the whole loop. */
export function readHead(headers: Headers): RequestHead {
  const head: RequestHead = { passing: [] };
  headers.forEach((value, name) => {
    const known = FIELDS.get(name);
    if (known?.field !== undefined) head[known.field] = value;
    if (known === undefined || known.pass) head.passing.push([name, value]);
  });
  return head;
}
