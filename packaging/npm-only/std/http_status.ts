/** `@std/http/status` from npm alone: only the names this project uses. */
import { STATUS_CODES } from "node:http";

export type StatusCode = number;

/** Reason phrases by status code (RFC 9110, section 15). */
export const STATUS_TEXT = STATUS_CODES as Record<number, string>;
