/**
 * - `invalid`: what was sent is no registration; `too_large`: its entry would be above the bound;
 * - `address`: it names an address that may not be registered; `owner`: the name is another client's;
 * - `full`: no further entry is taken; `unknown`: the name was never seen.
 */
export type BookErrorCode = "invalid" | "too_large" | "address" | "owner" | "full" | "unknown";

/** Why a registry does not do what it was asked. Turned into HTTP in `api/registry_routes.ts`. */
export class BookError extends Error {
  override readonly name = "BookError";
  readonly code: BookErrorCode;

  constructor(code: BookErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
