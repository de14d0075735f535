import { main } from "./src/cli/main.ts";

/** How long connections that clients never finished may keep the process after its end. */
const LEFTOVERS_MS = 1000;

// Not `Deno.exit` at once: that would end the watcher of `make dev`, too.
Deno.exitCode = await main(Deno.args);
Deno.unrefTimer(setTimeout(() => Deno.exit(), LEFTOVERS_MS));
