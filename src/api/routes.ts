import { ENDPOINTS } from "../engine/endpoints.ts";
import { RouterError } from "../errors.ts";
import { handle, type Visit } from "../proxy/handle.ts";
import type { House } from "../proxy/house.ts";
import type { Handler } from "../proxy/peer.ts";
import { readHead } from "../proxy/request_head.ts";
import { errorResponse } from "./error_body.ts";
import { healthResponse, livezResponse, readyzResponse } from "./health.ts";
import { modelResponse, modelsResponse } from "./models.ts";
import { servicesResponse } from "./services.ts";
import { statsResponse } from "./stats.ts";
import { lingering } from "./linger.ts";
import { readTarget } from "./target.ts";

export interface RouteOptions {
  house: House;
  /** Whether the router is on its way out. */
  draining: () => boolean;
  /** Wall clock, milliseconds since 1970. */
  wallNow: () => number;
  /** Makes an id for a request that brings none. */
  createRequestId: () => string;
}

/** One path: the method it takes and what it does. A path that ends in `/` takes all below it. */
interface Route {
  readonly method: "GET" | "POST";
  readonly answer: (request: Request, visit: Visit) => Response | Promise<Response>;
}

const SANE_REQUEST_ID = /^[A-Za-z0-9._:/+=@-]{1,128}$/;
/** What stands before a model's id, which may hold slashes itself. */
const MODELS_PREFIX = /^(?:\/v1)?\/models\/(?=.)/;

/** The door: every request enters here, and every error becomes HTTP here, once. */
export function createRoutes(options: RouteOptions): Handler {
  const routes = routeTable(options);
  const { house, createRequestId } = options;
  const { log, config } = house;
  return async (request, peer) => {
    const head = readHead(request.headers);
    const { requestId: given } = head;
    const requestId = given !== undefined && SANE_REQUEST_ID.test(given)
      ? given
      : createRequestId();
    const client = peer.address;
    let path: string | undefined;
    let routed = false; // then the call writes its own line in the log
    let response: Response;
    try {
      const target = readTarget(request, head);
      path = target.path;
      const route = findRoute(routes, path);
      checkMethod(request.method, route);
      routed = route.method === "POST";
      const { query } = target;
      response = await route.answer(request, { requestId, path, query, head, peer });
      if (routed) return response; // a relayed answer says both already
      log.debug("page", { request_id: requestId, path, client, status: response.status });
    } catch (error) {
      const { format } = config.errors;
      const told = known(error, house, requestId);
      response = errorResponse(told, { format, headers: request.headers, requestId });
      if (!routed) {
        const { status, code } = told;
        log.info("refused", {
          request_id: requestId,
          method: request.method,
          path,
          client,
          status,
          code,
        });
      }
    }
    response.headers.set("x-request-id", requestId);
    response.headers.set("x-infinilm-service", "infinilm-router");
    const answer = request.method === "HEAD" ? new Response(null, response) : response;
    return lingering(request, answer, { head, peer, maxBytes: config.limits.maxBody });
  };
}

function routeTable({ house, draining, wallNow }: RouteOptions): Map<string, Route> {
  const { registry } = house;
  const routes = new Map<string, Route>();
  const add = (path: string, route: Route): void => {
    routes.set(path, route).set(`/v1${path}`, route);
  };
  const get = (path: string, answer: Route["answer"]): void => add(path, { method: "GET", answer });
  get("/livez", livezResponse);
  get("/readyz", () => readyzResponse(registry, draining()));
  get("/health", () => healthResponse(registry, wallNow()));
  get("/services", () => servicesResponse(registry));
  get("/stats", () => statsResponse(registry));
  get("/models", () => modelsResponse(registry));
  get("/models/", (_request, { path }) => modelResponse(registry, path.replace(MODELS_PREFIX, "")));
  for (const endpoint of ENDPOINTS) {
    add(endpoint.path, {
      method: "POST",
      answer: (request, visit) => handle(request, { visit, endpoint, house }),
    });
  }
  return routes;
}

function findRoute(routes: Map<string, Route>, path: string): Route {
  const prefix = path.includes("/models/") ? MODELS_PREFIX.exec(path)?.[0] : undefined;
  const route = routes.get(prefix ?? path);
  if (route === undefined) {
    throw new RouterError("not_found", `no such path: ${path.slice(0, 200)}`);
  }
  return route;
}

function checkMethod(method: string, route: Route): void {
  if (method === route.method || (method === "HEAD" && route.method === "GET")) return;
  const allow = route.method === "GET" ? "GET, HEAD" : "POST";
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
