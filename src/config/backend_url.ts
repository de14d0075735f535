/** A backend's address, taken apart. */
export interface BackendUrl {
  /** As shown to people: `http://host:port/prefix`. */
  url: string;
  /** Without the brackets of an IPv6 address. */
  host: string;
  port: number;
  /** `""` or `/prefix`. */
  basePath: string;
  /** The backend's name unless it was given one: `host_port`. */
  defaultName: string;
}

/** Why an address cannot be used. */
export interface RefusedUrl {
  /** "must be …", to be put after the key's name. */
  refusal: string;
  /** The address may hold a secret: it is not to be shown. */
  secret: boolean;
}

const WANTED = "must be a URL such as http://10.0.0.5:8100";

/**
 * Reads a backend's base address: http only, port 80 by default, a path prefix is kept, and
 * `/v1` at the end is cut off because every endpoint adds its own.
 */
export function parseBackendUrl(text: string): BackendUrl | RefusedUrl {
  // Before anything else, so that no later message shows a password or a token.
  if (text.includes("@")) {
    return refused("must not hold user:password@ (a key belongs in `api_key`)", { secret: true });
  }
  if (/[?#]/.test(text)) {
    return refused("must not hold a query or a fragment", { secret: true });
  }
  if (text.length > 2048) return refused("must be a URL of at most 2048 characters");
  if (/^https:/i.test(text)) {
    return refused("must be http:// (TLS to backends is not supported yet: use http on the node)");
  }
  if (!/^http:\/\/[^/\\\s]/i.test(text)) return refused(WANTED);
  // The URL parser drops or replaces these without a word.
  if (/[^\x21-\x7e]|\\/.test(text)) return refused(`${WANTED}, without spaces or backslashes`);
  const [, port] = /^http:\/\/[^/]*?:(\d*)(?:\/|$)/i.exec(text.replace(/\[[^\]]*\]/, "")) ?? [];
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65535)) {
    return refused("must have a port from 1 to 65535");
  }
  return URL.canParse(text) ? takenApart(new URL(text)) : refused(WANTED);
}

function takenApart(parsed: URL): BackendUrl {
  const port = parsed.port === "" ? 80 : Number(parsed.port);
  const basePath = parsed.pathname.replace(/\/+$/, "").replace(/\/v1$/, "").replace(/\/+$/, "");
  const host = parsed.hostname.replace(/^\[|\]$/g, "");
  // A long host name loses its beginning, because the port tells more apart.
  const defaultName = `${host}_${port}`.replaceAll(/[^A-Za-z0-9._-]/g, "_").slice(-64);
  return { url: `http://${parsed.hostname}:${port}${basePath}`, host, port, basePath, defaultName };
}

function refused(refusal: string, { secret = false } = {}): RefusedUrl {
  return { refusal, secret };
}
