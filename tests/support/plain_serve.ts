/**
 * Loaded before the router by `deno run --preload`: takes away what `src/door/http_on_connection.ts`
 * looks for, so that the router runs as on a runtime that lets nobody own its connections.
 */
const deno = Deno as unknown as Record<PropertyKey, Record<string, unknown>> & {
  internal: PropertyKey;
};
delete deno[deno.internal]!["serveHttpOnConnection"];
