import { BookError } from "./book_error.ts";
import { isRecord } from "./infinilm_entry.ts";

/** What a service says of itself. Members that nobody here knows are kept beside these. */
export interface Told {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly hostname: string;
  readonly url: string;
  readonly status: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The members of a `Told` that are to change; `metadata` as a whole. */
export type Change = Partial<Omit<Told, "name">>;

/** As JSON in UTF-8. One with ten models has about 3 KiB. */
export const MAX_SERVICE_BYTES = 64 * 1024;

/** As `specOfEntry` wants it, which would leave out any other. */
const HOST = /^[A-Za-z0-9._:-]{1,253}$/;
// deno-lint-ignore no-control-regex -- they are what is refused
const NAME = /^[^\x00-\x1f\x7f]{1,256}$/;

/** What the registry itself says of a service: never taken from somebody else. */
const OURS: ReadonlySet<string> = new Set([
  "timestamp",
  "last_heartbeat",
  "health_status",
  "is_healthy",
]);

const WANTED: Readonly<Record<keyof Told, readonly [(value: unknown) => boolean, string]>> = {
  name: [(value) => isText(value, NAME), "a text of 1 to 256 characters without controls"],
  host: [(value) => isText(value, HOST), "an address without brackets, or a host name"],
  port: [
    (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65535,
    "an integer from 1 to 65535",
  ],
  hostname: [isText, "a text"],
  url: [isText, "a text"],
  status: [isText, "a text"],
  metadata: [isRecord, "an object"],
};

function isText(value: unknown, form = /^/): boolean {
  return typeof value === "string" && form.test(value);
}

/** Reads a registration; `metadata` may be left out. Throws `BookError` (`invalid`). */
export function readRegistration(body: unknown): Told {
  const members: Record<string, unknown> = { metadata: {}, ...membersOf(body) };
  for (const name of Object.keys(WANTED)) check(members, name as keyof Told);
  return members as unknown as Told;
}

/** Reads what is to change of a service; what is null stays, as the name does. Throws the same. */
export function readChange(body: unknown): Change {
  const { name: _, ...members } = membersOf(body);
  for (const name of Object.keys(WANTED)) {
    if (members[name] === undefined || members[name] === null) delete members[name];
    else check(members, name as keyof Told);
  }
  return members;
}

/** Throws `BookError` (`too_large`) for a service that would occupy more than it may. */
export function checkSize(told: Told): void {
  const bytes = new TextEncoder().encode(JSON.stringify(told)).length;
  if (bytes <= MAX_SERVICE_BYTES) return;
  throw new BookError(
    "too_large",
    `a service may have at most ${MAX_SERVICE_BYTES} bytes, '${told.name}' would have ${bytes}`,
  );
}

function membersOf(body: unknown): Record<string, unknown> {
  if (!isRecord(body)) throw new BookError("invalid", "the body must be a JSON object");
  return Object.fromEntries(Object.entries(body).filter(([name]) => !OURS.has(name)));
}

function check(members: Readonly<Record<string, unknown>>, name: keyof Told): void {
  const [holds, wanted] = WANTED[name];
  const value = Object.hasOwn(members, name) ? members[name] : undefined;
  if (holds(value)) return;
  const received = value === undefined ? "nothing" : JSON.stringify(value).slice(0, 80);
  throw new BookError("invalid", `${name} must be ${wanted}, received ${received}`);
}
