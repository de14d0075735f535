/** A port that was free a moment ago, for a program that cannot be told to take any, or to say which. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
