import type { CallsResult } from "./load_calls.ts";
import type { FloodResult, StreamsResult } from "./load_streams.ts";
import { median } from "./statistics.ts";

/** What one round found out about one subject. */
export interface Round {
  /** One connection: what the subject adds to a call when nothing else is going on. */
  readonly calm: CallsResult;
  /** Many connections, each call in one write. */
  readonly calls: CallsResult;
  /** Many connections, head and body in two writes. */
  readonly split: CallsResult;
  /** Undefined if only calls were measured. */
  readonly streams: StreamsResult | undefined;
  readonly flood: FloodResult | undefined;
}

/** All rounds of one subject. */
export interface Measured {
  readonly name: string;
  readonly rounds: readonly Round[];
  /** Resident memory after the last round, MiB; undefined for no process. */
  readonly memory: number | undefined;
}

/** One column: how its number is found in a round, and how it is shown. */
interface Column {
  readonly title: string;
  readonly of: (round: Round) => number | undefined;
  readonly digits: number;
  /** Milliseconds to show as what the subject adds to the direct way. */
  readonly added?: boolean;
}

const CALLS: readonly Column[] = [
  { title: "calls/s", of: ({ calls }) => calls.perSecond, digits: 0 },
  { title: "core used", of: ({ calls }) => calls.busy, digits: 2 },
  { title: "CPU µs per call", of: ({ calls }) => calls.cpuPerCall, digits: 1 },
  { title: "in two writes: calls/s", of: ({ split }) => split.perSecond, digits: 0 },
  { title: "CPU µs per call", of: ({ split }) => split.cpuPerCall, digits: 1 },
  { title: "added ms, p50", of: ({ calm }) => calm.p50, digits: 3, added: true },
  { title: "p99", of: ({ calm }) => calm.p99, digits: 3, added: true },
];

const STREAMS: readonly Column[] = [
  { title: "CPU µs per event", of: ({ streams }) => streams?.cpuPerEvent, digits: 1 },
  { title: "added ms per event, p50", of: ({ streams }) => streams?.p50, digits: 3, added: true },
  { title: "p99", of: ({ streams }) => streams?.p99, digits: 3, added: true },
  {
    title: "added ms to the first event, p50",
    of: ({ streams }) => streams?.firstP50,
    digits: 3,
    added: true,
  },
  { title: "p99", of: ({ streams }) => streams?.firstP99, digits: 3, added: true },
  { title: "flooded: events/s", of: ({ flood }) => flood?.perSecond, digits: 0 },
  { title: "CPU µs per event", of: ({ flood }) => flood?.cpuPerEvent, digits: 2 },
];

/** The whole result as Markdown: medians over the rounds. `direct` is what delays are added to. */
export function report(
  measured: readonly Measured[],
  { direct, reference }: { direct: Measured; reference: Measured | undefined },
): string {
  const parts = ["## Small calls", table(measured, CALLS, direct)];
  const streaming = measured.filter(({ rounds }) => rounds[0]!.streams !== undefined);
  parts.push("## Streams", table(streaming, STREAMS, direct));
  if (reference !== undefined) {
    const others = measured.filter((one) => one !== direct && one !== reference);
    parts.push(`## Against ${reference.name}`, ratios(others, reference));
  }
  return parts.join("\n\n");
}

function table(
  measured: readonly Measured[],
  columns: readonly Column[],
  direct: Measured,
): string {
  const rows = measured.map((one) => [
    one.name,
    ...columns.map((column) => cell(one, column, direct)),
    one.memory === undefined ? "–" : `${one.memory.toFixed(0)} MiB`,
  ]);
  return markdown(["", ...columns.map(({ title }) => title), "memory"], rows);
}

function cell(one: Measured, { of, digits, added }: Column, direct: Measured): string {
  const base = added === true && one !== direct ? middle(direct, of) : 0;
  const value = middle(one, of) - base;
  if (Number.isNaN(value)) return "–";
  return added === true && one === direct ? `(${value.toFixed(digits)})` : value.toFixed(digits);
}

/** Each ratio is taken within its round, where both met the same machine; then their median. */
function ratios(measured: readonly Measured[], reference: Measured): string {
  const columns: readonly Column[] = [
    { title: "calls/s", of: ({ calls }) => calls.perSecond, digits: 2 },
    { title: "CPU per call", of: ({ calls }) => calls.cpuPerCall, digits: 2 },
    { title: "CPU per call in two writes", of: ({ split }) => split.cpuPerCall, digits: 2 },
    { title: "CPU per event", of: ({ streams }) => streams?.cpuPerEvent, digits: 2 },
    { title: "CPU per flooded event", of: ({ flood }) => flood?.cpuPerEvent, digits: 2 },
  ];
  const rows = measured.map(({ name, rounds }) => [
    name,
    ...columns.map(({ of, digits }) => {
      const all = rounds.map((round, i) => (of(round) ?? NaN) / of(reference.rounds[i]!)!);
      const value = median(all);
      return Number.isNaN(value) ? "–" : `${value.toFixed(digits)} ×`;
    }),
  ]);
  return markdown(["", ...columns.map(({ title }) => title)], rows);
}

function middle({ rounds }: Measured, of: Column["of"]): number {
  return median(rounds.map((round) => of(round) ?? NaN));
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, i) => (i === 0 ? "---" : "---:"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
