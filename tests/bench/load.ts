/**
 * The bench's load, a process of its own: takes one order per line of standard input, as JSON, and
 * answers each with one line. It lives through all rounds, so that every subject meets warm code.
 */
import { type CallsOrder, loadCalls } from "./load_calls.ts";
import { type FloodOrder, loadFlood, loadStreams, type StreamsOrder } from "./load_streams.ts";

/** One thing to do. */
export type LoadOrder =
  | ({ readonly kind: "calls" } & CallsOrder)
  | ({ readonly kind: "streams" } & StreamsOrder)
  | ({ readonly kind: "flood" } & FloodOrder);

function carryOut(order: LoadOrder): Promise<unknown> {
  if (order.kind === "calls") return loadCalls(order);
  return order.kind === "streams" ? loadStreams(order) : loadFlood(order);
}

if (import.meta.main) {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      try {
        console.log(JSON.stringify(await carryOut(JSON.parse(line) as LoadOrder)));
      } catch (error) {
        console.log(JSON.stringify({ error: String(error) }));
      }
    }
  }
}
