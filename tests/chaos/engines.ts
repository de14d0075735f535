import { type EngineKind, Sim, type SimRecord } from "../../src/sim/sim.ts";
import type { Chance } from "../support/chance.ts";
import type { Scenario } from "./scenario.ts";

/** How often something happens to an engine, milliseconds. */
const EVERY_MS = 25;

interface Place {
  readonly kind: EngineKind;
  readonly port: number;
  readonly seed: number;
  sim: Sim;
  /** Whether the file names it. */
  listed: boolean;
}

/** Simulated engines to which things happen, and the file that lists them. */
export class Engines implements AsyncDisposable {
  readonly #chance: Chance;
  readonly #scenario: Scenario;
  readonly #file: string;
  readonly #places: Place[];
  /** Those that were started anew in their place. */
  readonly #gone: Sim[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #busy: Promise<void> = Promise.resolve();

  constructor(scenario: Scenario, { chance, file }: { chance: Chance; file: string }) {
    this.#chance = chance;
    this.#scenario = scenario;
    this.#file = file;
    this.#places = scenario.engines.map((kind, index) => {
      const sim = start(kind, { port: 0, seed: index + 1 });
      return { kind, port: sim.port, seed: index + 1, sim, listed: true };
    });
    this.#list();
  }

  get ports(): number[] {
    return this.#places.map(({ port }) => port);
  }

  /** All calls that any of them has had. */
  get calls(): SimRecord[] {
    return [...this.#gone, ...this.#places.map(({ sim }) => sim)].flatMap(({ calls }) => calls);
  }

  get running(): number {
    return this.#places.reduce((sum, { sim }) => sum + sim.running + sim.waiting, 0);
  }

  /** Things happen from now on. */
  begin(): void {
    this.#timer = setInterval(() => {
      this.#busy = this.#busy.then(() => this.#happen());
    }, EVERY_MS);
  }

  /** All is well from now on, and everybody listed. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#busy;
    for (const place of this.#places) {
      place.listed = true;
      place.sim.setFault("none");
    }
    this.#list();
  }

  async #happen(): Promise<void> {
    const chance = this.#chance;
    const place = chance.one(this.#places);
    const what = chance.number();
    if (what < 0.55) place.sim.setFault("none");
    else if (what < 0.9 || !this.#scenario.comings) {
      const fault = chance.one(this.#scenario.faults[place.kind]);
      place.sim.setFault(fault, { rate: chance.one([0.1, 0.4, 1]) });
    } else if (what < 0.95) {
      place.listed = !place.listed || this.#places.filter(({ listed }) => listed).length === 1;
      this.#list();
    } else {
      this.#gone.push(place.sim);
      await place.sim.stop();
      place.sim = start(place.kind, place);
    }
  }

  #list(): void {
    const { maxInFlight } = this.#scenario;
    const backends = this.#places.filter(({ listed }) => listed).map(({ port, kind }) => ({
      name: `engine_${port}`,
      url: `http://127.0.0.1:${port}`,
      models: ["sim"],
      engine: kind,
      ...(maxInFlight === undefined ? {} : { max_in_flight: maxInFlight }),
    }));
    // Never half a file for who reads it.
    Deno.writeTextFileSync(`${this.#file}.new`, JSON.stringify({ backends }));
    Deno.renameSync(`${this.#file}.new`, this.#file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#busy;
    for (const { sim } of this.#places) await sim.stop();
  }
}

function start(engine: EngineKind, { port, seed }: { port: number; seed: number }): Sim {
  return Sim.start({
    engine,
    port,
    seed,
    models: ["sim"],
    timeToFirstTokenMs: 3,
    tokensPerSecond: 1000,
    idleCloseMs: 300,
  });
}
