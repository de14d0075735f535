import type { AddressList } from "../discovery/address_list.ts";
import type { BookProber } from "../discovery/book_prober.ts";
import { registrable } from "../discovery/registrable.ts";
import { readChange, readRegistration } from "../discovery/registration.ts";
import type { RegistryBook } from "../discovery/registry_book.ts";
import { RouterError } from "../errors.ts";
import type { Log } from "../observe/log.ts";
import { readHead, type RequestHead } from "../proxy/request_head.ts";
import type { Resolve } from "../upstream/resolve_host.ts";
import { jsonResponse } from "./json.ts";
import { readJson, readStatus } from "./registry_body.ts";
import { registryHealth, registryStats, serviceList } from "./registry_pages.ts";
import { nothing, Refusals } from "./registry_refusals.ts";
import { hostNeeded, readTarget } from "./target.ts";
import { utcSeconds } from "./utc.ts";

export interface RegistryRouteOptions {
  book: RegistryBook;
  prober: Pick<BookProber, "ask">;
  /** What may be registered beside private addresses. */
  allow: AddressList;
  resolve: Resolve;
  log: Pick<Log, "error" | "warn">;
  /** A monotonic clock, milliseconds. */
  now: () => number;
  /** Milliseconds since 1970. */
  wallNow: () => number;
}

/** A request whose path is one of ours. */
interface Visit {
  readonly request: Request;
  readonly head: RequestHead;
  readonly query: string;
  readonly client: string;
  /** The service in the path, if one stands there. */
  readonly name: string;
}

type Answer = (visit: Visit) => Response | Promise<Response>;
type Methods = Readonly<Record<string, Answer>>;

const READING: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** The HTTP side of a registry, as InfiniLM-SVC's babysitters and routers speak to one. */
export function createRegistryRoutes(
  options: RegistryRouteOptions,
): (request: Request, clientAddress: string) => Promise<Response> {
  const pages = pagesOf(options);
  const refusals = new Refusals(options);
  return async (request, client) => {
    let response: Response;
    try {
      const head = readHead(request.headers);
      const { path, query } = readTarget(request, head);
      if (head.host === undefined) throw hostNeeded(undefined);
      // A page in a browser may not change anything, wherever it came from: it could stand for any stranger.
      // Browsers say so of every request but GET and HEAD; babysitters and routers never do.
      if (request.headers.has("origin") && !READING.has(request.method)) {
        throw new RouterError("bad_request", "a registry takes nothing from pages in browsers");
      }
      const { methods, name } = pages(path);
      const method = request.method === "HEAD" ? "GET" : request.method;
      const answer = Object.hasOwn(methods, method) ? methods[method] : undefined;
      if (answer === undefined) throw wrongMethod(request.method, methods);
      response = await answer({ request, head, query, client, name });
    } catch (error) {
      response = refusals.response(error, client);
    }
    return request.method === "HEAD" ? new Response(null, response) : response;
  };
}

/** What there is at a path. */
function pagesOf(
  options: RegistryRouteOptions,
): (path: string) => { methods: Methods; name: string } {
  const { book, now, wallNow } = options;
  const began = now();
  const fixed = new Map<string, Methods>([
    ["/health", { GET: () => jsonResponse(registryHealth(book, wallNow())) }],
    ["/stats", {
      GET: () => jsonResponse(registryStats(book, { upMs: now() - began, wallNow: wallNow() })),
    }],
    ["/services", {
      GET: ({ query }) => jsonResponse(serviceList(book, { query, wallNow: wallNow() })),
      POST: (visit) => register(visit, options),
    }],
  ]);
  const ofService = new Map<string, Methods>([
    ["", {
      GET: ({ name }) => found(book.get(name)),
      PUT: (visit) => update(visit, options),
      DELETE: (visit) => remove(visit, options),
    }],
    ["health", { GET: (visit) => probed(visit, options) }],
    ["heartbeat", { POST: (visit) => heartbeat(visit, options) }],
  ]);
  return (path) => {
    const whole = fixed.get(path);
    if (whole !== undefined) return { methods: whole, name: "" };
    const [, written = "", below = ""] = /^\/services\/([^/]+)(?:\/([a-z]+))?$/.exec(path) ?? [];
    const methods = ofService.get(below);
    if (written === "" || methods === undefined) {
      throw new RouterError("not_found", `no such path: ${path.slice(0, 200)}`);
    }
    return { methods, name: decoded(written) };
  };
}

async function register(visit: Visit, options: RegistryRouteOptions): Promise<Response> {
  const told = readRegistration(await readJson(visit.request, visit.head));
  const address = await registrable(told.host, options);
  const service = options.book.register(told, { client: visit.client, address });
  return jsonResponse({ message: `Service '${told.name}' registered successfully`, service }, 201);
}

async function update(visit: Visit, options: RegistryRouteOptions): Promise<Response> {
  const { name, client } = visit;
  const change = readChange(await readJson(visit.request, visit.head));
  const address = change.host === undefined ? undefined : await registrable(change.host, options);
  const service = options.book.update(name, change, { client, address });
  return jsonResponse({ message: `Service '${name}' updated successfully`, service });
}

function remove({ name, client }: Visit, { book }: RegistryRouteOptions): Response {
  if (!book.delete(name, client)) return nothing();
  return jsonResponse({ message: `Service '${name}' unregistered successfully` });
}

async function heartbeat(visit: Visit, { book, wallNow }: RegistryRouteOptions): Promise<Response> {
  const { name, client } = visit;
  const status = await readStatus(visit.request, visit.head);
  book.heartbeat(name, status === undefined ? { client } : { client, status });
  return jsonResponse({ message: "Heartbeat received", timestamp: utcSeconds(wallNow()) });
}

async function probed(
  { name }: Visit,
  { book, prober, wallNow }: RegistryRouteOptions,
): Promise<Response> {
  const entry = book.entries.get(name);
  if (entry === undefined) return nothing();
  await prober.ask(entry);
  const service = book.get(name);
  if (service === undefined) return nothing();
  const { health_status, is_healthy, last_heartbeat } = service;
  const timestamp = utcSeconds(wallNow());
  return jsonResponse({ service: name, health_status, is_healthy, last_heartbeat, timestamp });
}

function decoded(written: string): string {
  try {
    return decodeURIComponent(written);
  } catch {
    throw new RouterError("bad_request", "the service's name is not percent-encoded UTF-8");
  }
}

function found(value: unknown): Response {
  return value === undefined ? nothing() : jsonResponse(value);
}

function wrongMethod(method: string, methods: Methods): RouterError {
  const allow = Object.keys(methods).map((name) => name === "GET" ? "GET, HEAD" : name).join(", ");
  return new RouterError("method_not_allowed", `this path takes ${allow}, received ${method}`, {
    headers: { allow },
  });
}
