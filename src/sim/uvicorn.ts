import { HttpError } from "./http_error.ts";
import { type HttpHead, readHead } from "./http_head.ts";
import type { HttpManner } from "./http_manner.ts";

/**
 * uvicorn's manner, with its parser h11: any method and target is taken (the application judges
 * them), chunked wins over a length, HTTP/1.0 is served, and a Host must be there.
 */
export const UVICORN: HttpManner = {
  parseHead,
  opening: () => ({ date: new Date().toUTCString(), server: "uvicorn" }),
  events: { "content-type": "text/event-stream; charset=utf-8" },
  spelling: { chunked: "Transfer-Encoding: chunked", close: "Connection: close" },
  malformed: () => ({
    status: 400,
    headers: { "content-type": "text/plain; charset=utf-8" },
    body: "Invalid HTTP request received.",
    bare: true,
  }),
  closesUnused: false,
};

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP\/1\.([01])$/;

function parseHead(text: string): HttpHead {
  const [line = "", ...headerLines] = text.split("\r\n");
  const [, method, target, minor] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined || target === undefined) {
    throw new HttpError(400, "The request line is malformed");
  }
  const framing = (headers: Record<string, string>): Record<string, string> => {
    if (headers["transfer-encoding"] === undefined) return headers;
    const { "content-length": _, ...others } = headers;
    return others;
  };
  const head = readHead({ method, target, headerLines }, { framing });
  const hosts = head.headers.host?.split(", ").length ?? 0;
  if (hosts > 1 || (hosts === 0 && minor === "1")) throw new HttpError(400, "No single Host");
  return minor === "1" ? head : { ...head, keepAlive: false, version: "1.0" };
}
