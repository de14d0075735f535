import { CliError, EXIT } from "./exit.ts";

/** Says in words why an address could not be listened on; other errors come back as they are. */
export function listenError(
  error: unknown,
  { host, port }: { host: string; port: number },
): unknown {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (error instanceof Deno.errors.AddrInUse) {
    return new CliError(`port ${port} is already in use (${address})`, EXIT.unavailable);
  }
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return new CliError(`no permission to listen on ${address}`, EXIT.noPermission);
  }
  const unknownName = error instanceof Error && /failed to lookup|not known/.test(error.message);
  if (unknownName || error instanceof Deno.errors.AddrNotAvailable) {
    return new CliError(`${address} is not an address of this machine`, EXIT.unavailable);
  }
  return error;
}
