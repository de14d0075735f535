import type { CheckResult, HealthGate } from "./health_gate.ts";

/** While a backend is down, or lists no models yet, it is asked this soon, then at doubling distances. */
const FIRST_RETRY_MS = 250;

/** How far from `intervalMs` a distance may be, so that many routers do not ask in one burst. */
const JITTER = 0.1;

export interface ProberOptions {
  /**
   * One check of the backend, on a connection of its own if it is to be `fresh`; `signal` ends it early.
   * What it throws is a defect.
   */
  probe: (signal: AbortSignal, facts: { fresh: boolean }) => Promise<CheckResult>;
  /** What is only learned from a backend that is well, after each good check; holds up nothing. */
  learn?: (signal: AbortSignal) => Promise<void>;
  gate: HealthGate;
  /** Whether nothing is missing: the backend is healthy and has said what it serves. */
  settled: () => boolean;
  /** Between two checks of a settled backend, milliseconds; the most between two of another. */
  intervalMs: number;
  /** Told of a defect; the check then says nothing about the backend. */
  onDefect: (error: unknown) => void;
  /** Numbers in [0, 1). */
  random: () => number;
}

/** Checks one backend again and again, one check at a time. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #checking = false;
  #again = false;
  #fresh = false;
  #learning = false;
  #retryMs = FIRST_RETRY_MS;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /**
   * Checks now, on a connection of its own; if a check is under way, once more right after it, as that one
   * may predate the cause.
   */
  checkNow(): void {
    if (this.#stop.signal.aborted) return;
    this.#fresh = true;
    clearTimeout(this.#timer);
    this.#retryMs = FIRST_RETRY_MS;
    if (this.#checking) this.#again = true;
    else this.#check();
  }

  /** Ends the check under way and makes no more. */
  stop(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
  }

  async #check(): Promise<void> {
    const { gate, settled, intervalMs, random } = this.#options;
    const { signal } = this.#stop;
    this.#checking = true;
    const result = await this.#probe();
    this.#checking = false;
    if (signal.aborted) return;
    // Begun before a call was refused, a good one says nothing about now; a bad one says it again.
    if (result !== undefined && !(this.#again && result.kind === "good")) this.#tell(gate, result);
    if (result?.kind === "good") this.#learn();
    if (this.#again) {
      this.#again = false;
      this.#check();
      return;
    }
    const wait = settled() ? intervalMs : Math.min(this.#retryMs, intervalMs);
    this.#retryMs = settled() ? FIRST_RETRY_MS : this.#retryMs * 2;
    this.#timer = setTimeout(() => this.#check(), wait * (1 + JITTER * (2 * random() - 1)));
  }

  /** Never throws: whoever hears of the verdict may have a defect. */
  #tell(gate: HealthGate, result: CheckResult): void {
    try {
      gate.checked(result);
    } catch (error) {
      this.#options.onDefect(error);
    }
  }

  /** Never rejects. */
  async #learn(): Promise<void> {
    const { learn, onDefect } = this.#options;
    if (learn === undefined || this.#learning) return;
    this.#learning = true;
    try {
      await learn(this.#stop.signal);
    } catch (error) {
      onDefect(error);
    } finally {
      this.#learning = false;
    }
  }

  /** Undefined if it could not be found out. Never rejects. */
  async #probe(): Promise<CheckResult | undefined> {
    const fresh = this.#fresh;
    this.#fresh = false;
    try {
      return await this.#options.probe(this.#stop.signal, { fresh });
    } catch (error) {
      this.#options.onDefect(error);
      return undefined;
    }
  }
}
