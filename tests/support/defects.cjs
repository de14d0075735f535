/**
 * Loaded into the router by `NODE_OPTIONS="--require …"`: signals that cause what only a defect of its
 * own would, an error that nobody catches. The executable does not load it.
 */
Deno.addSignalListener("SIGUSR1", () => {
  Promise.reject(new Error("a promise that nobody waits for"));
});
Deno.addSignalListener("SIGUSR2", () => {
  setTimeout(() => {
    throw new TypeError("a timer that throws");
  });
});
