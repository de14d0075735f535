import type { WholeReply } from "./http_reply.ts";

const ROUTES: Readonly<Record<string, "GET" | "POST">> = {
  "/chat/completions": "POST",
  "/v1/chat/completions": "POST",
  "/health": "GET",
  "/models": "GET",
  "/v1/models": "GET",
  "/docs": "GET",
  "/redoc": "GET",
  "/openapi.json": "GET",
};

/** What is asked for, with its path decoded, or the answer if there is no such thing. */
export type Routed = { path: string } | { refusal: WholeReply };

/** FastAPI's routing: exact paths, one method each, and a redirect away from a slash at the end. */
export function route(
  { method, path: raw, target, headers }: {
    method: string;
    path: string;
    target: string;
    headers: Readonly<Record<string, string>>;
  },
): Routed {
  const path = unquoted(raw);
  const allowed = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (allowed === method) return { path };
  if (allowed !== undefined) {
    const refusal = { ...detail(405, "Method Not Allowed"), headers: { allow: allowed } };
    return { refusal: method === "HEAD" ? { ...refusal, bytes: () => 0 } : refusal };
  }
  const stripped = path.replace(/\/+$/, "");
  if (stripped !== path && Object.hasOwn(ROUTES, stripped)) {
    const location = `http://${headers.host ?? ""}${stripped}${target.slice(raw.length)}`;
    return { refusal: { status: 307, headers: { location }, body: "" } };
  }
  const refusal = detail(404, "Not Found");
  return { refusal: method === "HEAD" ? { ...refusal, bytes: () => 0 } : refusal };
}

function detail(status: number, text: string): WholeReply {
  return { status, body: JSON.stringify({ detail: text }) };
}

function unquoted(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
