import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { refusalOf, TestBook } from "./book_support.ts";

const MAX = 3;
const NAMES = ["a", "b", "c", "d", "e"];
const CLIENTS = ["10.0.0.1", "10.0.0.2", "192.168.0.1"];
/** The one in `allow`. */
const TRUSTED = CLIENTS[2]!;

/** What the rules say, said as plainly as can be. */
class Model {
  present: Service[] = [];
  gone: Service[] = [];
  now = 0;

  register(name: string, client: string, status: string): string | undefined {
    const before = this.#known(name);
    if (before && !this.#may(client, before)) return "owner";
    return this.#put({ name, owner: client, ownerHeard: this.now, status });
  }

  heartbeat(name: string, client: string, status: string | undefined): string | undefined {
    const known = this.#known(name);
    if (!known) return "unknown";
    const changes = status !== undefined && status !== known.status;
    if (changes && !this.#may(client, known)) return "owner";
    return this.#put({ ...this.#heard(known, client), status: status ?? known.status });
  }

  update(name: string, client: string, status: string): string | undefined {
    const known = this.#known(name);
    if (!known) return "unknown";
    if (!this.#may(client, known)) return "owner";
    return this.#put({ ...this.#heard(known, client), status });
  }

  delete(name: string, client: string): string | undefined {
    const before = this.#at(this.present, name);
    if (before && !this.#may(client, before)) return "owner";
    this.present = this.present.filter((service) => service !== before);
    return undefined;
  }

  sweep(): void {
    const silent = this.present.filter(({ heard }) => this.now - heard > 300_000);
    this.present = this.present.filter((service) => !silent.includes(service));
    this.gone = [...this.gone, ...silent].slice(-MAX);
  }

  list(): unknown[] {
    return this.present.map(({ name, status, heard }) => ({
      name,
      status,
      well: status === "running" && this.now - heard < 120_000,
    })).sort(byName);
  }

  #may(client: string, { owner, ownerHeard }: Service): boolean {
    return client === owner || client === TRUSTED || this.now - ownerHeard > 300_000;
  }

  #heard(service: Service, client: string): Service {
    return client === service.owner ? { ...service, ownerHeard: this.now } : service;
  }

  #known(name: string): Service | undefined {
    return this.#at(this.present, name) ?? this.#at(this.gone, name);
  }

  #at(services: readonly Service[], name: string): Service | undefined {
    return services.find((service) => service.name === name);
  }

  #put(service: Omit<Service, "heard">): string | undefined {
    const others = this.present.filter(({ name }) => name !== service.name);
    if (others.length >= MAX) return "full";
    const at = this.present.findIndex(({ name }) => name === service.name);
    const put = { ...service, heard: this.now };
    if (at === -1) this.present = [...others, put];
    else this.present = this.present.with(at, put);
    this.gone = this.gone.filter(({ name }) => name !== service.name);
    return undefined;
  }
}

interface Service {
  name: string;
  owner: string;
  ownerHeard: number;
  status: string;
  heard: number;
}

function byName(one: { name: string }, other: { name: string }): number {
  return one.name < other.name ? -1 : 1;
}

type Step = (book: TestBook, model: Model) => readonly [unknown, unknown];

const name = fc.constantFrom(...NAMES);
const client = fc.constantFrom(...CLIENTS);
const status = fc.constantFrom("running", "stopped");

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(name, client, status).map(([name, client, status]): Step => (book, model) => [
    refusalOf(() => book.add(name, { status }, client)),
    model.register(name, client, status),
  ]),
  fc.tuple(name, client, fc.option(status, { nil: undefined })).map((
    [name, client, status],
  ): Step =>
  (book, model) => [
    refusalOf(() => book.heartbeat(name, status === undefined ? { client } : { client, status })),
    model.heartbeat(name, client, status),
  ]),
  fc.tuple(name, client, status).map(([name, client, status]): Step => (book, model) => [
    refusalOf(() => book.update(name, { status }, { client, address: undefined })),
    model.update(name, client, status),
  ]),
  fc.tuple(name, client).map(([name, client]): Step => (book, model) => [
    refusalOf(() => book.delete(name, client)),
    model.delete(name, client),
  ]),
  fc.constantFrom(1, 30_000, 119_999, 120_000, 300_001).map((ms): Step => (book, model) => [
    book.clock.ms += ms,
    model.now += ms,
  ]),
  fc.constant<Step>((book, model) => [book.sweep(), model.sweep()]),
);

Deno.test("whatever happens to a book, it is what the rules say", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const book = new TestBook({ maxEntries: MAX, allow: [TRUSTED] });
      const model = new Model();
      for (const step of steps) {
        const [did, should] = step(book, model);
        assertEquals(did, should);
        const shown = book.list().map(({ name, status, is_healthy }) => ({
          name,
          status,
          well: is_healthy,
        }));
        assertEquals<unknown>(shown.sort(byName), model.list());
        assertEquals([...book.gone.keys()], model.gone.map(({ name }) => name));
      }
    }),
    { seed: 7, numRuns: 300 },
  );
});
