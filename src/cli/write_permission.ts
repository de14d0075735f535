/**
 * Makes files unwritable for this process from now on. Deno grants writing to an executable for all paths or
 * none when it is built, and only a state file needs it; the log goes to standard error.
 */
export function giveUpWriting(): void {
  Deno.permissions.revokeSync({ name: "write" });
}
