import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type CheckResult, HealthGate } from "../../../src/health/health_gate.ts";
import type { Outcome } from "../../../src/outcome.ts";

type Event = "good" | "miss" | "503" | "refused" | "broke";

const RESULTS: Readonly<Record<"good" | "miss" | "503", CheckResult>> = {
  good: { kind: "good" },
  miss: { kind: "miss", reason: "silence" },
  "503": { kind: "unavailable", reason: "answered 503" },
};

interface Watched {
  gate: HealthGate;
  told: [healthy: boolean, cause: string][];
  falls: number;
  rechecks: number;
}

function watch({ unhealthyAfter = 3, healthyAfter = 1 } = {}): Watched {
  const watched: Watched = {
    gate: new HealthGate({
      unhealthyAfter,
      healthyAfter,
      onChange: ({ healthy, cause }, { fell }) => {
        watched.told.push([healthy, cause]);
        if (fell) watched.falls++;
      },
      recheck: () => watched.rechecks++,
      wallNow: () => 5,
    }),
    told: [],
    falls: 0,
    rechecks: 0,
  };
  return watched;
}

function happen(gate: HealthGate, event: Event): void {
  if (event === "refused") gate.record({ kind: "refused" }, { reason: "nobody listens" });
  else if (event === "broke") gate.record({ kind: "broke", phase: "head" }, {});
  else gate.checked(RESULTS[event]);
}

/** What happens, and whether the backend is healthy after each of it. */
const WALKS: [name: string, options: Parameters<typeof watch>[0], walk: string][] = [
  ["is down until its first good check", {}, "miss- 503- refused- good+"],
  ["survives fewer misses than it may have", {}, "good+ miss+ miss+ good+ miss+ miss+"],
  ["falls with the last miss in a row that it may have", {}, "good+ miss+ miss+ miss-"],
  ["falls at once with an answered 503", {}, "good+ 503-"],
  ["falls at once with a refused call", {}, "good+ refused-"],
  [
    "falls at a refused call amid misses and rises with one good check",
    {},
    "good+ miss+ refused- good+ miss+ miss+ miss-",
  ],
  ["does not fall because a call broke", {}, "good+ broke+ broke+ broke+ broke+"],
  [
    "needs as many good checks in a row as it is told",
    { healthyAfter: 3 },
    "good- good- miss- good- good- good+",
  ],
  ["counts good checks anew after a fall", { healthyAfter: 2 }, "good- good+ 503- good- good+"],
  [
    "counts good checks anew after a refused call",
    { healthyAfter: 2 },
    "good- good+ refused- good- good+",
  ],
  ["falls with the first miss if it may have only one", { unhealthyAfter: 1 }, "good+ miss-"],
];

for (const [name, options, walk] of WALKS) {
  Deno.test(`HealthGate ${name}`, () => {
    const { gate } = watch(options);
    assertEquals(gate.observed.healthy, false);
    const seen = walk.split(" ").map((step) => {
      const event = step.slice(0, -1);
      happen(gate, event as Event);
      return event + (gate.observed.healthy ? "+" : "-");
    });
    assertEquals(seen.join(" "), walk);
  });
}

Deno.test("HealthGate tells its first verdict, every change and every new cause, each once", () => {
  const { gate, told } = watch({ unhealthyAfter: 1 });
  const walk = "miss miss 503 503 good good miss miss good 503 good refused refused good";
  for (const event of walk.split(" ")) happen(gate, event as Event);
  assertEquals(told, [
    [false, "silence"],
    [false, "answered 503"],
    [true, ""],
    [false, "silence"],
    [true, ""],
    [false, "answered 503"],
    [true, ""],
    [false, "a call could not connect: nobody listens"],
    [true, ""],
  ]);
});

Deno.test("HealthGate of a backend that is well but tells no models says why, once", () => {
  const { gate, told } = watch();
  const result = { kind: "good", noModels: "/v1/models answered 401" } as const;
  gate.checked(result);
  gate.checked(result);
  happen(gate, "good");
  assertEquals(told, [[true, "/v1/models answered 401"], [true, ""]]);
});

Deno.test("HealthGate that needs more good checks has no verdict before it has them", () => {
  const { gate, told } = watch({ healthyAfter: 2 });
  happen(gate, "good");
  assertEquals([told, gate.observed.since], [[], undefined]);
  happen(gate, "good");
  assertEquals([told, gate.observed.since], [[[true, ""]], 5]);
});

Deno.test("HealthGate lets calls in as a last resort after a refusal, and in no way once checks fail, too", () => {
  const { gate, told } = watch({ unhealthyAfter: 2 });
  const admissions = "miss good refused miss good refused miss miss good 503".split(" ").map(
    (event) => {
      happen(gate, event as Event);
      return `${event}:${gate.admits(0)}`;
    },
  );
  assertEquals(admissions, [
    "miss:shut",
    "good:open",
    "refused:last_resort",
    "miss:last_resort",
    "good:open",
    "refused:last_resort",
    "miss:last_resort",
    "miss:shut",
    "good:open",
    "503:shut",
  ]);
  assertEquals(told.at(-3), [false, "silence"], "the new cause is told");
});

Deno.test("HealthGate says that it fell when checks shut it, and at no other change", () => {
  const watched = watch({ unhealthyAfter: 2 });
  const falls = "miss good refused miss miss good 503 503".split(" ").map((event) => {
    happen(watched.gate, event as Event);
    return watched.falls;
  });
  assertEquals(falls, [0, 0, 0, 0, 1, 1, 2, 2]);
});

Deno.test("HealthGate only looks into a connection that did not come in time", () => {
  const watched = watch();
  happen(watched.gate, "good");
  watched.gate.record({ kind: "timed_out", phase: "connect" }, {});
  assertEquals([watched.gate.observed.healthy, watched.rechecks], [true, 1]);
});

Deno.test("HealthGate learns nothing from a check that this process could not make", () => {
  const { gate, told } = watch({ unhealthyAfter: 1 });
  gate.checked({ kind: "local", reason: "no descriptors" });
  happen(gate, "good");
  gate.checked({ kind: "local", reason: "no descriptors" });
  assertEquals([gate.observed.healthy, told.length], [true, 1]);
});

Deno.test("HealthGate asks for a check when a call is refused, once until it is up again", () => {
  const watched = watch();
  const { gate } = watched;
  happen(gate, "refused");
  assertEquals(watched.rechecks, 0); // it is being checked already
  happen(gate, "good");
  happen(gate, "refused");
  happen(gate, "refused");
  assertEquals(watched.rechecks, 1);
});

Deno.test("HealthGate is not moved by how calls end, except by a refusal", () => {
  const outcomes: Outcome[] = [
    { kind: "completed", status: 200 },
    { kind: "completed", status: 503 },
    { kind: "broke", phase: "body" },
    { kind: "timed_out", phase: "head" },
    { kind: "client_left", phase: "body" },
  ];
  const { gate, told } = watch({ unhealthyAfter: 1 });
  happen(gate, "good");
  for (const outcome of outcomes) for (let times = 0; times < 5; times++) gate.record(outcome, {});
  assertEquals([gate.observed.healthy, told.length], [true, 1]);
});

Deno.test("HealthGate agrees with a model that looks at the whole history", () => {
  const events = fc.array(fc.constantFrom<Event>("good", "miss", "503", "refused", "broke"), {
    maxLength: 40,
  });
  const limit = fc.integer({ min: 1, max: 4 });
  fc.assert(
    fc.property(events, limit, limit, (events, unhealthyAfter, healthyAfter) => {
      const { gate, told } = watch({ unhealthyAfter, healthyAfter });
      let healthy = false;
      let changes = 0;
      let since = 0; // where the history that counts begins
      for (const [index, event] of events.entries()) {
        happen(gate, event);
        const recent = events.slice(since, index + 1).filter((event) => event !== "broke");
        const row = (kind: Event): number =>
          recent.length - 1 - recent.findLastIndex((e) => e !== kind);
        const flip = healthy
          ? event === "503" || event === "refused" ||
            (event === "miss" && row("miss") >= unhealthyAfter)
          : event === "good" && row("good") >= healthyAfter;
        if (!healthy && event === "refused") events[index] = "broke"; // says nothing new
        if (flip) {
          healthy = !healthy;
          changes++;
          since = index + 1;
        }
        assertEquals(gate.observed.healthy, healthy);
      }
      const flips = told.filter(([healthy], index) => healthy !== (told[index - 1]?.[0] ?? false));
      assertEquals(flips.length, changes);
    }),
    { seed: 41, numRuns: 1000 },
  );
});
