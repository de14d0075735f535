import type { CallsResult } from "./load_calls.ts";
import type { FloodResult, StreamsResult } from "./load_streams.ts";
import { median } from "./statistics.ts";
import type { SubjectKey } from "./subjects.ts";

/** What one round found out about one subject. */
export interface Round {
  /** One connection: what the subject adds to a call when nothing else is going on. */
  readonly calm: CallsResult;
  /** Many connections, each call in one write. */
  readonly calls: CallsResult;
  /** Many connections, head and body in two writes. */
  readonly split: CallsResult;
  /** Many connections, prompts of 8 KB and of 64 KB. */
  readonly prompt8: CallsResult;
  readonly prompt64: CallsResult;
  /** Undefined if only calls were measured. */
  readonly streams: StreamsResult | undefined;
  readonly flood: FloodResult | undefined;
}

/** All rounds of one subject. */
export interface Measured {
  readonly key: SubjectKey;
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
  { title: "8 KB prompts: CPU µs per call", of: ({ prompt8 }) => prompt8.cpuPerCall, digits: 1 },
  { title: "64 KB prompts", of: ({ prompt64 }) => prompt64.cpuPerCall, digits: 1 },
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

const RATIOS: readonly Column[] = [
  { title: "calls/s", of: ({ calls }) => calls.perSecond, digits: 2 },
  { title: "CPU per call", of: ({ calls }) => calls.cpuPerCall, digits: 2 },
  { title: "in two writes", of: ({ split }) => split.cpuPerCall, digits: 2 },
  { title: "with 8 KB prompts", of: ({ prompt8 }) => prompt8.cpuPerCall, digits: 2 },
  { title: "with 64 KB prompts", of: ({ prompt64 }) => prompt64.cpuPerCall, digits: 2 },
  { title: "CPU per event", of: ({ streams }) => streams?.cpuPerEvent, digits: 2 },
  { title: "CPU per flooded event", of: ({ flood }) => flood?.cpuPerEvent, digits: 2 },
];

/** What is compared with what. The range over the rounds tells a change from noise. */
const COMPARISONS: readonly {
  readonly title: string;
  readonly reference: SubjectKey;
  readonly others: readonly SubjectKey[];
  readonly range?: boolean;
}[] = [
  {
    title: "Against nginx",
    reference: "nginx",
    others: ["relay", "router", "quiet", "beside", "executable"],
  },
  {
    title: "Against the smallest relay",
    reference: "relay",
    others: ["router", "quiet", "beside", "executable"],
  },
  { title: "Against the version beside", reference: "beside", others: ["router"], range: true },
];

/** The whole result as Markdown: medians over the rounds. Delays are added to the direct way's. */
export function report(measured: readonly Measured[]): string {
  const direct = measured.find(({ key }) => key === "direct");
  const parts = ["## Small calls", table(measured, CALLS, direct)];
  const streaming = measured.filter(({ rounds }) => rounds[0]!.streams !== undefined);
  if (streaming.length > 0) parts.push("## Streams", table(streaming, STREAMS, direct));
  for (const { title, reference, others, range = false } of COMPARISONS) {
    const base = measured.find(({ key }) => key === reference);
    const compared = measured.filter(({ key }) => others.includes(key));
    if (base !== undefined && compared.length > 0) {
      parts.push(`## ${title}`, ratios(compared, { base, range }));
    }
  }
  return parts.join("\n\n");
}

function table(
  measured: readonly Measured[],
  columns: readonly Column[],
  direct: Measured | undefined,
): string {
  const rows = measured.map((one) => [
    one.name,
    ...columns.map((column) => cell(one, column, direct)),
    one.memory === undefined ? "–" : `${one.memory.toFixed(0)} MiB`,
  ]);
  return markdown(["", ...columns.map(({ title }) => title), "memory"], rows);
}

function cell(
  one: Measured,
  { of, digits, added = false }: Column,
  direct: Measured | undefined,
): string {
  const base = !added || one === direct ? 0 : direct === undefined ? NaN : middle(direct, of);
  const value = middle(one, of) - base;
  if (Number.isNaN(value)) return "–";
  return added && one === direct ? `(${value.toFixed(digits)})` : value.toFixed(digits);
}

/** Each ratio is taken within its round, where both met the same machine; then their median. */
function ratios(
  measured: readonly Measured[],
  { base, range }: { base: Measured; range: boolean },
): string {
  const rows = measured.map(({ name, rounds }) => [
    name,
    ...RATIOS.map(({ of, digits }) => {
      const all = rounds.map((round, i) => (of(round) ?? NaN) / (of(base.rounds[i]!) ?? NaN));
      const value = median(all);
      if (Number.isNaN(value)) return "–";
      const [least, most] = [Math.min(...all), Math.max(...all)].map((one) => one.toFixed(digits));
      return `${value.toFixed(digits)} ×${range ? ` (${least}–${most})` : ""}`;
    }),
  ]);
  return markdown(["", ...RATIOS.map(({ title }) => title)], rows);
}

function middle({ rounds }: Measured, of: Column["of"]): number {
  return median(rounds.map((round) => of(round) ?? NaN));
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, i) => (i === 0 ? "---" : "---:"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
