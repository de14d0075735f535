import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import fc from "fast-check";
import { type Applicant, type Placed, Queue } from "../../../src/admission/queue.ts";
import { RouterError } from "../../../src/errors.ts";
import { Cutoff } from "../../../src/proxy/cutoff.ts";
import type { Lease } from "../../../src/registry/lease.ts";
import { Registry } from "../../../src/registry/registry.ts";
import { keysOf, newBackend, policyOf, type TestBackend } from "../../contract/backends.ts";

const DONE = { kind: "completed", status: 200 } as const;

/** A queue before backends `b0`, `b1`, … with so many places each, all of model `m`. */
class World {
  readonly backends: TestBackend[];
  readonly registry: Registry;
  readonly queue: Queue;
  /** Names of calls in the order in which they got places. */
  readonly served: string[] = [];
  readonly leases = new Map<string, Lease>();

  constructor(
    { places = [1], size = 100, timeoutMs = 30_000, models = [["m"]] }: {
      places?: number[];
      size?: number;
      timeoutMs?: number;
      models?: string[][];
    } = {},
  ) {
    this.backends = places.map((maxInFlight, index) =>
      newBackend(`b${index}`, { maxInFlight, models: models[index] ?? ["m"] })
    );
    this.registry = new Registry(() => Date.now());
    this.registry.apply(this.backends);
    const now = (): number => Date.now();
    this.queue = new Queue({ registry: this.registry, size, timeoutMs, now });
  }

  apply(
    name: string,
    { caller = "x", model = "m", only, stop = new Cutoff(), returning = false }: {
      caller?: string;
      model?: string;
      /** The only backends that it can have. */
      only?: readonly number[];
      stop?: Cutoff;
      returning?: boolean;
    } = {},
  ): Placed | Promise<Placed> {
    const policy = policyOf((able) => able.find(({ full }) => !full)!);
    const fits = (backend: unknown): boolean =>
      only === undefined || only.some((index) => this.backends[index] === backend);
    const applicant: Applicant = {
      model,
      caller: () => caller,
      returning,
      stop,
      acquire: () => {
        const found = this.registry.acquire(keysOf(model), { policy, fits });
        if (typeof found !== "string") {
          this.served.push(name);
          this.leases.set(name, found);
        }
        return found;
      },
    };
    return this.queue.apply(applicant);
  }

  end(name: string): void {
    this.leases.get(name)!.settle(DONE);
  }

  get waiting(): number {
    return this.queue.waiting.get("m") ?? 0;
  }
}

Deno.test("a queue gives a place at once where there is one, and nobody waits", () => {
  const world = new World();
  const placed = world.apply("a");
  assertEquals([placed instanceof Promise, world.served, world.waiting], [false, ["a"], 0]);
});

Deno.test("promise 27: calls of one caller get places in the order in which they came, in the tick in which these free up", async () => {
  const world = new World();
  world.apply("a");
  const waiting = ["b", "c", "d"].map((name) => world.apply(name));
  assertEquals([world.served, world.waiting], [["a"], 3]);
  world.end("a");
  assertEquals([world.served, world.waiting, world.backends[0]!.inFlight], [["a", "b"], 2, 1]);
  world.apply("newcomer");
  world.end("b");
  world.end("c");
  assertEquals(world.served, ["a", "b", "c", "d"]);
  const leases = await Promise.all(waiting);
  assertEquals(leases, ["b", "c", "d"].map((name) => world.leases.get(name)));
  world.end("d");
  world.end("newcomer");
  assertEquals([world.waiting, world.queue.waiting.size], [0, 0]);
});

Deno.test("callers get turns, however many calls each has waiting", () => {
  const world = new World();
  world.apply("first");
  for (const name of ["a1", "a2", "a3"]) world.apply(name, { caller: "a" });
  for (const name of ["b1", "b2"]) world.apply(name, { caller: "b" });
  world.apply("c1", { caller: "c" });
  const order = [];
  for (let last = "first"; world.waiting > 0; last = world.served.at(-1)!) {
    world.end(last);
    order.push(world.served.at(-1));
  }
  assertEquals(order, ["a1", "b1", "c1", "a2", "b2", "a3"]);
});

Deno.test("a call that had a place and lost it goes before all others, and is not turned away", () => {
  const world = new World({ size: 1 });
  world.apply("first");
  world.apply("a");
  const back = world.apply("back", { returning: true });
  assertEquals([back instanceof Promise, world.waiting], [true, 2]);
  world.end("first");
  assertEquals(world.served, ["first", "back"]);
});

Deno.test("a call that only a backend without room can have holds up nobody behind it", () => {
  const world = new World({ places: [1, 1] });
  world.apply("zero", { only: [0] });
  world.apply("one", { only: [1] });
  world.apply("picky", { only: [0] });
  world.apply("other");
  world.end("one");
  assertEquals([world.served, world.waiting], [["zero", "one", "other"], 1]);
  world.end("zero");
  assertEquals(world.served.at(-1), "picky");
});

Deno.test("a newcomer goes before those who wait for other backends than the one with room", () => {
  const world = new World({ places: [1, 1] });
  world.apply("zero", { only: [0] });
  world.apply("picky", { only: [0] });
  world.apply("new");
  assertEquals([world.served, world.waiting], [["zero", "new"], 1]);
});

Deno.test("models that share a backend get its places in turn", () => {
  const world = new World({ models: [["m", "n"]] });
  world.apply("first");
  for (const name of ["m1", "m2"]) world.apply(name);
  for (const name of ["n1", "n2"]) world.apply(name, { model: "n" });
  for (let i = 0; i < 4; i++) world.end(world.served.at(-1)!);
  assertEquals(world.served, ["first", "m1", "n1", "m2", "n2"]);
});

Deno.test("a call behind as many as may wait is turned away, and told when they will have been served", async () => {
  using time = new FakeTime();
  const world = new World({ size: 2 });
  world.apply("a");
  for (const name of ["b", "c"]) world.apply(name);
  time.tick(4000);
  world.end("a"); // b is served: one place in 4 s
  world.apply("d");
  const error = await assertRejects(
    () => Promise.resolve(world.apply("e")),
    RouterError,
    "every backend of model 'm' is full, and 2 calls wait already (queue.size)",
  );
  assertEquals([error.code, error.status, error.retryAfter], ["queue_full", 429, 12]);
  assertEquals(world.waiting, 2);
});

Deno.test("a call that has waited for as long as it may leaves the queue", async () => {
  using time = new FakeTime();
  const world = new World({ timeoutMs: 30_000 });
  world.apply("a");
  const waiting = world.apply("b");
  time.tick(29_999);
  assertEquals(world.waiting, 1);
  time.tick(1);
  const error = await assertRejects(() => Promise.resolve(waiting), RouterError);
  assertEquals([error.code, error.status, error.retryAfter], ["queue_timeout", 503, 30]);
  assertEquals(error.headers, { "x-infinilm-queued-ms": "30000" });
  assertEquals(world.queue.waiting.size, 0);
  world.end("a");
  assertEquals(world.served, ["a"]);
});

Deno.test("what retry-after says is 1 s at the least and 60 s at the most", async () => {
  using time = new FakeTime();
  const world = new World({ size: 1, timeoutMs: 3_600_000 });
  world.apply("a");
  world.apply("b");
  const refused = async (): Promise<unknown> => {
    const error = await assertRejects(() => Promise.resolve(world.apply("c")), RouterError);
    return error.retryAfter;
  };
  assertEquals(await refused(), 1);
  time.tick(3_000_000);
  assertEquals(await refused(), 60);
});

Deno.test("promise 6: a call that is ended while it waits leaves at once", async () => {
  const world = new World();
  world.apply("a");
  const stop = new Cutoff();
  const waiting = world.apply("b", { stop });
  stop.cut("client_left");
  assertEquals([await waiting, world.queue.waiting.size], [undefined, 0]);
  world.end("a");
  assertEquals([world.served, world.backends[0]!.inFlight], [["a"], 0]);
  const late = new Cutoff();
  late.cut("client_left");
  world.apply("c");
  assertEquals(await world.apply("d", { stop: late }), undefined);
});

Deno.test("those who wait learn at once that there can be no place any more", async () => {
  const world = new World();
  world.apply("a");
  const waiting = world.apply("b");
  world.backends[0]!.gate.admission = "shut";
  world.backends[0]!.onChange?.();
  assertEquals([await waiting, world.queue.waiting.size], ["unhealthy", 0]);
});

Deno.test("where none may wait, a call learns at once that all are full", () => {
  const world = new World({ size: 0 });
  world.apply("a");
  assertEquals(world.apply("b"), "full");
});

type Step =
  | { do: "apply"; caller: number; only: number | undefined }
  | { do: "end"; which: number }
  | { do: "leave"; which: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("apply" as const),
    caller: fc.nat(3),
    only: fc.option(fc.nat(1), { nil: undefined }),
  }),
  fc.record({ do: fc.constant("end" as const), which: fc.nat() }),
  fc.record({ do: fc.constant("leave" as const), which: fc.nat() }),
);

Deno.test("a queue never leaves a place empty that a waiting call can have, serves each caller in order, and loses none", async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    const world = new World({ places: [1, 2], size: 5 });
    interface One {
      name: string;
      caller: string;
      only: number | undefined;
      stop: Cutoff;
      state: "waiting" | "refused" | "left" | "running" | "ended";
    }
    const all: One[] = [];
    const inState = (state: One["state"]): One[] => all.filter((one) => one.state === state);
    for (const [index, now] of steps.entries()) {
      if (now.do === "apply") {
        const one: One = {
          name: `${index}`,
          caller: `${now.caller}`,
          only: now.only,
          stop: new Cutoff(),
          state: "waiting",
        };
        all.push(one);
        const only = now.only === undefined ? {} : { only: [now.only] };
        const placed = world.apply(one.name, { caller: one.caller, stop: one.stop, ...only });
        if (placed instanceof Promise) {
          let refused = false;
          placed.catch(() => refused = true);
          await Promise.resolve();
          await Promise.resolve();
          if (refused) one.state = "refused";
        }
      } else {
        const among = inState(now.do === "end" ? "running" : "waiting");
        const one = among[now.which % among.length];
        if (one === undefined) continue;
        if (now.do === "end") {
          one.state = "ended";
          world.end(one.name);
        } else {
          one.state = "left";
          one.stop.cut("client_left");
        }
      }
      for (const one of inState("waiting")) if (world.leases.has(one.name)) one.state = "running";
      const waiting = inState("waiting");
      assertEquals(world.waiting, waiting.length);
      assertEquals(waiting.length <= 5, true);
      for (const [at, backend] of world.backends.entries()) {
        if (backend.full) continue;
        assertEquals(waiting.filter(({ only }) => only === undefined || only === at), []);
      }
      // Calls of one caller that can have the same backends never overtake each other.
      for (const one of waiting) {
        const order = all.filter(({ caller, only }) => caller === one.caller && only === one.only);
        const later = order.slice(order.indexOf(one) + 1);
        assertEquals(later.filter(({ name }) => world.leases.has(name)), []);
      }
    }
  }));
});

Deno.test("calls that wait for a model that its backend serves no more learn it at once, and so does a newcomer", async () => {
  const world = new World({ models: [[]] });
  const [backend] = world.backends as [TestBackend];
  const card = (id: string) => ({ id, fields: {} });
  backend.configure({ ...backend.spec, models: undefined });
  backend.discovered([card("m")]);
  world.apply("a");
  const waiting = [world.apply("b"), world.apply("c")];
  backend.discovered([card("other")]);
  assertEquals(await Promise.all(waiting), ["unknown_model", "unknown_model"]);
  assertEquals(world.apply("d"), "unknown_model");
});

Deno.test("a place that comes with time alone goes to who waits, soon", async () => {
  using time = new FakeTime(0);
  const world = new World({ places: [1, 1] });
  const [, other] = world.backends as [TestBackend, TestBackend];
  other.gate.admission = "last_resort";
  world.apply("a");
  const waiting = world.apply("b");
  await time.tickAsync(1000);
  assertEquals(world.served, ["a"]);
  other.gate.admission = "open"; // and nothing tells of it
  await time.tickAsync(100);
  assertEquals(world.served, ["a", "b"]);
  await waiting;
});

Deno.test("where none may wait, a call whose backend was busy waits neither; one that lost its place does", async () => {
  const world = new World({ size: 0 });
  world.apply("a");
  assertEquals(world.apply("busy"), "full");
  const lost = world.apply("lost", { returning: true });
  world.end("a");
  assertEquals(typeof await lost, "object");
});
