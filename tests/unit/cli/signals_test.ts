import { assertEquals } from "@std/assert";
import { signalLoop, type SignalLoopOptions } from "../../../src/cli/signals.ts";

/** A process that gets the signals a test sends. */
class Signals {
  readonly exits: number[] = [];
  readonly #listeners = new Map<Deno.Signal, () => void>();

  /** What the loop needs of a process. */
  get process(): Pick<SignalLoopOptions, "on" | "exit"> {
    return {
      on: (signal, listener) => this.#listeners.set(signal, listener),
      exit: (code) => this.exits.push(code),
    };
  }

  /** Throws if nobody listens: such a signal ends a process. */
  send(signal: Deno.Signal): void {
    const listener = this.#listeners.get(signal);
    if (listener === undefined) throw new Error(`the process ended by ${signal}`);
    listener();
  }

  heeds(signal: Deno.Signal): boolean {
    return this.#listeners.has(signal);
  }
}

/** Lets everything that has been settled have its effect. */
async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

for (const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
  Deno.test(`signalLoop drains at the first signal and exits with ${code} at a ${signal} after it`, async () => {
    const signals = new Signals();
    const drained = Promise.withResolvers<void>();
    const begun: string[] = [];
    const over = signalLoop({
      drain: (name) => (begun.push(name), drained.promise),
      ...signals.process,
    });
    signals.send("SIGINT");
    await turns();
    assertEquals([begun, signals.exits], [["SIGINT"], []]);
    signals.send(signal);
    assertEquals([begun, signals.exits], [["SIGINT"], [code]]);
    drained.resolve();
    await over;
  });
}

Deno.test("signalLoop reloads at every SIGHUP, and goes on", async () => {
  const signals = new Signals();
  let reloads = 0;
  const over = signalLoop({
    drain: () => Promise.resolve(),
    reload: () => void reloads++,
    ...signals.process,
  });
  for (const count of [1, 2, 3]) {
    signals.send("SIGHUP");
    await turns();
    assertEquals(reloads, count);
  }
  signals.send("SIGTERM");
  await over;
  assertEquals(signals.exits, []);
});

Deno.test("signalLoop reloads once more after a reload during which SIGHUP came, however often", async () => {
  const signals = new Signals();
  const reloads: PromiseWithResolvers<void>[] = [];
  void signalLoop({
    drain: () => Promise.resolve(),
    reload: () => {
      reloads.push(Promise.withResolvers<void>());
      return reloads.at(-1)!.promise;
    },
    ...signals.process,
  });
  for (let i = 0; i < 4; i++) signals.send("SIGHUP");
  await turns();
  assertEquals(reloads.length, 1, "one at a time");
  reloads[0]!.resolve();
  await turns();
  assertEquals(reloads.length, 2, "what came meanwhile may not have been read yet");
  reloads[1]!.resolve();
  await turns();
  assertEquals(reloads.length, 2);
});

Deno.test("signalLoop drains at once while it reloads, and ignores SIGHUP from then on", async () => {
  const signals = new Signals();
  const reloaded = Promise.withResolvers<void>();
  let reloads = 0;
  const over = signalLoop({
    drain: () => Promise.resolve(),
    reload: () => (reloads++, reloaded.promise),
    ...signals.process,
  });
  signals.send("SIGHUP");
  signals.send("SIGHUP");
  signals.send("SIGTERM");
  await over;
  signals.send("SIGHUP");
  reloaded.resolve();
  await turns();
  assertEquals([reloads, signals.exits], [1, []]);
});

Deno.test("signalLoop leaves SIGHUP its usual end where nothing can be reloaded", () => {
  const signals = new Signals();
  void signalLoop({ drain: () => Promise.resolve(), ...signals.process });
  assertEquals([signals.heeds("SIGHUP"), signals.heeds("SIGTERM")], [false, true]);
});

Deno.test("signalLoop rejects as its drain does", async () => {
  const signals = new Signals();
  const over = signalLoop({
    drain: () => Promise.reject(new Error("defect")),
    ...signals.process,
  });
  signals.send("SIGTERM");
  assertEquals(await over.catch((error) => error.message), "defect");
});
