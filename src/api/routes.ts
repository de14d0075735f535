import type { Config } from "../config/config.ts";
import type { SourceState } from "../discovery/merge.ts";
import { ENDPOINTS, unknownEndpoint } from "../engine/endpoints.ts";
import { RouterError } from "../errors.ts";
import { beginRecord } from "../observe/request_record.ts";
import { handle, type Visit } from "../proxy/handle.ts";
import type { House } from "../proxy/house.ts";
import type { Handler } from "../proxy/peer.ts";
import { readHead, type RequestHead } from "../proxy/request_head.ts";
import { isPreflight, preflightResponse, share } from "./cors.ts";
import { errorResponse } from "./error_body.ts";
import { healthResponse, livezResponse, readyzResponse } from "./health.ts";
import { modelResponse, modelsResponse } from "./models.ts";
import { servicesResponse } from "./services.ts";
import { statsResponse } from "./stats.ts";
import { lingering } from "./linger.ts";
import { hostNeeded, readTarget } from "./target.ts";

export interface RouteOptions {
  /** The house as it is now; a request keeps what it got. */
  house: () => House;
  /** Whether the router is on its way out. */
  draining: () => boolean;
  /** Who says which backends there are. */
  sources: () => readonly SourceState[];
  /** Why the configuration in force is not the one last asked for; undefined if it is. */
  stale?: () => string | undefined;
  /** Wall clock, milliseconds since 1970. */
  wallNow: () => number;
  /** Makes an id for a request that brings none. */
  createRequestId: () => string;
}

/** One path: the method it takes and what it does. A path that ends in `/` takes all below it. */
interface Route {
  readonly method: "GET" | "POST";
  /** Whether it is for probes, which may speak HTTP/1.0 and name no Host. Deno does not tell the version. */
  readonly probe?: boolean;
  readonly answer: (request: Request, visit: Visit) => Response | Promise<Response>;
}

const METHODS = { GET: "GET, HEAD", POST: "POST" } as const;

const SANE_REQUEST_ID = /^[A-Za-z0-9._:/+=@-]{1,128}$/;
const DOT_SEGMENT = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:$|[/\\]|%2f|%5c)/i;
/** What stands before a model's id, which may hold slashes itself. */
const MODELS_PREFIX = /^(?:\/v1)?\/models\/(?=.)/;

/**
 * The door: every request enters here and gets its record here, and every error becomes HTTP here, once.
 */
export function createRoutes(options: RouteOptions): Handler {
  const routes = routeTable(options);
  const { createRequestId } = options;
  return async (request, peer) => {
    const house = options.house();
    const head = readHead(request.headers);
    const { requestId: given } = head;
    const requestId = given !== undefined && SANE_REQUEST_ID.test(given)
      ? given
      : createRequestId();
    const { method } = request;
    const { cors } = house.config;
    const record = beginRecord({ requestId, method: method.slice(0, 80), client: peer.address });
    let response: Response;
    try {
      const { path, query } = readTarget(request, head);
      record.path = path;
      if (head.host === undefined && routes.get(path)?.probe !== true) throw hostNeeded(undefined);
      if (cors.origins.length > 0 && isPreflight(request, cors)) {
        response = preflightResponse(request, methodsOf(routes, path));
      } else {
        const route = routeAt(routes, path);
        if (route !== undefined) checkMethod(method, route);
        else if (house.config.requests.unknownPaths === "refuse") throw unknownPath(path);
        record.routed = route?.method !== "GET";
        const { answer } = route ?? forwarding(routes, path);
        response = await answer(request, { house, record, path, query, head, peer });
      }
      if (record.routed) { // a relayed answer says who and what already; its exchange tells the record
        finish(response, request, { head, cors, closing: options.draining() });
        return response;
      }
    } catch (error) {
      const { format } = house.config.errors;
      const told = known(error, house, requestId);
      response = errorResponse(told, {
        format,
        path: record.path,
        headers: request.headers,
        requestId,
      });
      record.code ??= told.code;
    }
    finish(response, request, { head, cors, closing: options.draining() });
    response.headers.set("x-request-id", requestId);
    response.headers.set("x-infinilm-service", "infinilm-router");
    if (!record.routed) {
      record.status = response.status;
      for (const sink of house.sinks) sink(record);
    }
    const answer = method === "HEAD" ? new Response(null, response) : response;
    return lingering(request, answer, { head, peer, maxBytes: house.config.limits.maxBody });
  };
}

/** What every answer gets, whoever gives it. Mostly nothing: a relayed answer's headers are not even looked at. */
function finish(
  response: Response,
  request: Request,
  { head, cors, closing }: { head: RequestHead; cors: Config["cors"]; closing: boolean },
): void {
  if (cors.origins.length > 0) share(response.headers, request, cors);
  // Beside a transfer-encoding Deno hides a content-length, by which something in front may have seen the end
  // of this request elsewhere: what follows is read by nobody (RFC 9112, section 6.1).
  if (head.transferEncoding !== undefined || closing) response.headers.set("connection", "close");
}

function routeTable(
  { draining, sources, stale = () => undefined, wallNow }: RouteOptions,
): Map<string, Route> {
  const routes = new Map<string, Route>();
  const add = (path: string, route: Route): void => {
    routes.set(path, route).set(`/v1${path}`, route);
  };
  const get = (path: string, answer: Route["answer"]): void => add(path, { method: "GET", answer });
  const status = (path: string, answer: Route["answer"]): void =>
    add(path, { method: "GET", probe: true, answer });
  status("/livez", livezResponse);
  status("/readyz", (_request, { house }) => readyzResponse(house.registry, draining()));
  const health: Route["answer"] = (_request, { house: { registry, config } }) =>
    healthResponse(registry, {
      wallNow: wallNow(),
      registryUrl: registryUrlIn(config),
      stale: stale(),
    });
  status("/health", health);
  status("/status", health); // as with InfiniLM-SVC's router
  status(
    "/services",
    (_request, { house: { registry, config } }) =>
      servicesResponse(registry, { sources: sources(), registryUrl: registryUrlIn(config) }),
  );
  status(
    "/stats",
    (_request, { house: { registry, config, queue } }) =>
      statsResponse(registry, { queued: queue.waiting, registryUrl: registryUrlIn(config) }),
  );
  get("/models", (_request, { house }) => modelsResponse(house.registry));
  get(
    "/models/",
    (_request, { house, path }) => modelResponse(house.registry, path.replace(MODELS_PREFIX, "")),
  );
  for (const endpoint of ENDPOINTS) {
    add(endpoint.path, {
      method: "POST",
      answer: (request, visit) => handle(request, visit, endpoint),
    });
  }
  return routes;
}

/** Which registry InfiniLM-SVC's pages name: the first, as there is at most one. */
function registryUrlIn({ discovery }: Config): string | undefined {
  return discovery.find((source) => source.kind === "infinilm_registry")?.url;
}

function routeAt(routes: Map<string, Route>, path: string): Route | undefined {
  const prefix = path.includes("/models/") ? MODELS_PREFIX.exec(path)?.[0] : undefined;
  // Paths that end in a slash are in the table for what is below them.
  return prefix === undefined && path.endsWith("/") ? undefined : routes.get(prefix ?? path);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw unknownPath(path);
  }
}

function unknownPath(path: string): RouterError {
  return new RouterError("not_found", `no such path: ${path.slice(0, 200)}`);
}

/** What a path that is not in the API gets where such paths are passed on (`requests.unknown_paths`). */
function forwarding(routes: Map<string, Route>, path: string): Pick<Route, "answer"> {
  // Behind a backend's prefix they could lead out of it.
  if (DOT_SEGMENT.test(path)) throw unknownPath(path);
  // To most engines it is another spelling of a path of the API, whose calls are not to go unchecked.
  if (routeAt(routes, decoded(path)) !== undefined) throw unknownPath(path);
  return { answer: (request, visit) => handle(request, visit, unknownEndpoint(path)) };
}

/** The methods of a path; all there are for a path that does not exist, so that a page can read that. */
function methodsOf(routes: Map<string, Route>, path: string): string {
  const route = routeAt(routes, path);
  return route === undefined ? "GET, HEAD, POST" : METHODS[route.method];
}

function checkMethod(method: string, route: Route): void {
  if (method === route.method || (method === "HEAD" && route.method === "GET")) return;
  const allow = METHODS[route.method];
  throw new RouterError("method_not_allowed", `this path takes ${allow}, received ${method}`, {
    headers: { allow },
  });
}

/** Anything but a `RouterError` is a defect: its details go to the log, not to the client. */
function known(error: unknown, house: House, requestId: string): RouterError {
  if (error instanceof RouterError) return error;
  house.log.error("internal error", { request_id: requestId, error });
  return new RouterError("internal", "internal error of the router", { cause: error });
}
