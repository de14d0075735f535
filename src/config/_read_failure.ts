/** Why a file could not be read, in plain words. */
export function readFailure(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "no permission to read it";
  if (error instanceof Deno.errors.NotCapable) {
    return "this process was started without --allow-read";
  }
  // Deno 2.6 throws the first as a plain Error with this code.
  if (error instanceof Deno.errors.IsADirectory || codeOf(error) === "EISDIR") {
    return "it is a directory";
  }
  return error instanceof Error ? error.message : "reason unknown";
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}
