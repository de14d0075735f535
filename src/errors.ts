import { STATUS_CODE } from "@std/http/status";

/** Who is at fault: the client's request, a backend, or the router itself. */
export type ErrorSource = "client" | "upstream" | "router";

interface ErrorKind {
  readonly status: number;
  /** OpenAI's error family, the `type` of the body. */
  readonly type: string;
  readonly source: ErrorSource;
  /** Whether asking again can help; `false` is sent as `x-should-retry: false`. */
  readonly repeat: boolean;
  /** One line for docs/errors.md, which a test keeps equal to this table. */
  readonly meaning: string;
}

function kind(
  status: number,
  source: ErrorSource,
  { type, repeat, meaning }: { type: string; repeat: boolean; meaning: string },
): ErrorKind {
  return { status, source, type, repeat, meaning };
}

const client = { type: "invalid_request_error", repeat: false };
const upstream = { type: "upstream_error", repeat: true };
const unavailable = { type: "service_unavailable", repeat: true };

/** Every error this router makes, by its stable code. */
export const ERRORS = {
  bad_request: kind(STATUS_CODE.BadRequest, "client", {
    ...client,
    meaning: "The HTTP request itself is malformed or ambiguous: Host header, framing, target.",
  }),
  invalid_json: kind(STATUS_CODE.BadRequest, "client", {
    ...client,
    meaning: "The body is not a JSON object.",
  }),
  invalid_parameter: kind(STATUS_CODE.BadRequest, "client", {
    ...client,
    meaning: "A parameter has a wrong type or is out of range; `param` names it.",
  }),
  model_required: kind(STATUS_CODE.BadRequest, "client", {
    ...client,
    meaning: "`model` is missing, and more than one is served.",
  }),
  not_found: kind(STATUS_CODE.NotFound, "client", {
    ...client,
    meaning: "No such path, or no such model in /models/{id}.",
  }),
  method_not_allowed: kind(STATUS_CODE.MethodNotAllowed, "client", {
    ...client,
    meaning: "The path exists, the method does not; `allow` lists those that do.",
  }),
  request_timeout: kind(STATUS_CODE.RequestTimeout, "client", {
    ...client,
    repeat: true,
    meaning: "The request body did not come within `timeouts.request`.",
  }),
  body_too_large: kind(STATUS_CODE.ContentTooLarge, "client", {
    ...client,
    meaning:
      "The body exceeds `limits.max_body`, or is of more, and smaller, values than its engine is given.",
  }),
  unsupported_encoding: kind(STATUS_CODE.UnsupportedMediaType, "client", {
    ...client,
    meaning: "The body is compressed or multipart; send plain JSON.",
  }),
  context_length_exceeded: kind(STATUS_CODE.BadRequest, "client", {
    ...client,
    meaning: "The prompt and its answer cannot fit into the engine's `max_context`.",
  }),
  poisonous: kind(STATUS_CODE.UnprocessableEntity, "client", {
    ...client,
    meaning:
      "Two backends died while they held this very request (`suspected_poison`); it is refused for `retry.poison_memory`.",
  }),
  unsupported_parameter: kind(STATUS_CODE.BadRequest, "client", {
    ...client,
    meaning: "No engine of the model can do what a parameter asks; `param` names it.",
  }),
  engine_rejected: kind(STATUS_CODE.BadRequest, "client", {
    ...client,
    meaning: "The engine cannot work with the request; the message has its words.",
  }),
  overloaded: kind(STATUS_CODE.TooManyRequests, "router", {
    type: "rate_limit_error",
    repeat: true,
    meaning:
      "Every backend of the model is at its `max_in_flight`, and none may wait (`queue.size: 0`); see `retry-after`.",
  }),
  queue_full: kind(STATUS_CODE.TooManyRequests, "router", {
    type: "rate_limit_error",
    repeat: true,
    meaning:
      "Every backend of the model is full, and `queue.size` calls wait already; see `retry-after`.",
  }),
  client_stalled: kind(499, "client", {
    ...client,
    meaning: "The client took nothing of its answer for `timeouts.client_stall`. For the log.",
  }),
  client_closed: kind(499, "client", {
    ...client,
    meaning:
      "The client left, or broke off its body. For the log; a client still there gets it as 400.",
  }),
  internal: kind(STATUS_CODE.InternalServerError, "router", {
    type: "internal_error",
    repeat: true,
    meaning: "A defect of the router; the log has the details under the request id.",
  }),
  not_implemented: kind(STATUS_CODE.NotImplemented, "client", {
    ...client,
    meaning: "A transfer-encoding other than `chunked`, or an HTTP method nobody defines.",
  }),
  unsupported_by_engine: kind(STATUS_CODE.NotImplemented, "client", {
    ...client,
    meaning: "No engine of the model has this endpoint.",
  }),
  engine_failed: kind(STATUS_CODE.InternalServerError, "upstream", {
    ...upstream,
    repeat: false,
    meaning: "The engine began and gave up, or failed; the message has its words.",
  }),
  upstream_busy: kind(STATUS_CODE.TooManyRequests, "upstream", {
    type: "rate_limit_error",
    repeat: true,
    meaning: "The backend answered 429, in a form that cannot be passed on; its `retry-after` is.",
  }),
  upstream_connect: kind(STATUS_CODE.BadGateway, "upstream", {
    ...upstream,
    meaning: "No connection to any backend tried could be made.",
  }),
  upstream_broken: kind(STATUS_CODE.BadGateway, "upstream", {
    ...upstream,
    meaning: "The backend closed or reset the connection before its answer was complete.",
  }),
  suspected_poison: kind(STATUS_CODE.BadGateway, "upstream", {
    ...upstream,
    repeat: false,
    meaning:
      "Two backends, one after the other, died while they held this request: it is sent to no third.",
  }),
  upstream_bad_answer: kind(STATUS_CODE.BadGateway, "upstream", {
    ...upstream,
    meaning:
      "The backend's answer is not valid HTTP, or an error page that is not JSON and neither 429, 503 " +
      "nor 504.",
  }),
  model_not_found: kind(STATUS_CODE.ServiceUnavailable, "router", {
    ...unavailable,
    meaning: "No backend serves this model.",
  }),
  no_healthy_backend: kind(STATUS_CODE.ServiceUnavailable, "router", {
    ...unavailable,
    meaning: "Backends serve this model, but none of them is healthy.",
  }),
  queue_timeout: kind(STATUS_CODE.ServiceUnavailable, "router", {
    ...unavailable,
    meaning: "Every backend of the model was full for all of `queue.timeout`; see `retry-after`.",
  }),
  shutting_down: kind(STATUS_CODE.ServiceUnavailable, "router", {
    ...unavailable,
    meaning: "The router was stopped, and the answer had not ended within `shutdown.timeout`.",
  }),
  loop_detected: kind(STATUS_CODE.ServiceUnavailable, "router", {
    ...unavailable,
    meaning: "The call came back by a backend that is, or leads to, this router.",
  }),
  at_capacity: kind(STATUS_CODE.ServiceUnavailable, "router", {
    ...unavailable,
    meaning:
      "The router itself holds all it may: `limits.max_connections`, `limits.max_requests` or " +
      "`limits.max_held`; see `retry-after`.",
  }),
  upstream_unavailable: kind(STATUS_CODE.ServiceUnavailable, "upstream", {
    ...unavailable,
    meaning: "The backend answered 503, in a form that cannot be passed on; its `retry-after` is.",
  }),
  upstream_timeout: kind(STATUS_CODE.GatewayTimeout, "upstream", {
    ...upstream,
    repeat: false,
    meaning:
      "The backend gave no answer within `timeouts.request`, or answered 504 in a form that cannot be " +
      "passed on; it may still be working on it.",
  }),
  upstream_connect_timeout: kind(STATUS_CODE.GatewayTimeout, "upstream", {
    ...upstream,
    meaning: "No connection to the last backend tried came within `timeouts.connect`.",
  }),
  upstream_idle_timeout: kind(STATUS_CODE.GatewayTimeout, "upstream", {
    ...upstream,
    repeat: false,
    meaning: "A stream already begun was silent for longer than `timeouts.idle`.",
  }),
  upstream_total_timeout: kind(STATUS_CODE.GatewayTimeout, "upstream", {
    ...upstream,
    repeat: false,
    meaning: "A stream ran past `timeouts.total`.",
  }),
} as const;

export type ErrorCode = keyof typeof ERRORS;

export interface RouterErrorOptions {
  /** The request field at fault, dotted: `sampling_params.stop`. */
  param?: string;
  /** For `retry-after`: seconds, or a date as a backend sent it. */
  retryAfter?: number | string | undefined;
  /** Overrides the table where this one case differs: whether asking again can help. */
  repeat?: boolean;
  /** Response headers of this error, such as `allow`. */
  headers?: Record<string, string>;
  cause?: unknown;
}

/** What goes wrong between a call and its answer. Turned into HTTP once, in `api/error_body.ts`. */
export class RouterError extends Error {
  override readonly name = "RouterError";
  readonly code: ErrorCode;
  readonly param: string | undefined;
  readonly retryAfter: number | string | undefined;
  readonly repeat: boolean;
  readonly headers: Record<string, string>;

  constructor(code: ErrorCode, message: string, options: RouterErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.param = options.param;
    this.retryAfter = options.retryAfter;
    this.repeat = options.repeat ?? ERRORS[code].repeat;
    this.headers = options.headers ?? {};
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get type(): string {
    return ERRORS[this.code].type;
  }

  get source(): ErrorSource {
    return ERRORS[this.code].source;
  }
}
