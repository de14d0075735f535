/** `@std/testing/time` from npm alone: the part of `FakeTime` this project uses. */
import fakeTimers from "@sinonjs/fake-timers";

/** Fakes `Date` and the global timers until it is restored or disposed. */
export class FakeTime {
  readonly #clock: ReturnType<typeof fakeTimers.install>;

  constructor(start: number | Date = Date.now()) {
    this.#clock = fakeTimers.install({
      now: start,
      toFake: ["Date", "setTimeout", "clearTimeout", "setInterval", "clearInterval"],
    });
  }

  get now(): number {
    return this.#clock.now;
  }

  tick(ms = 0): void {
    this.#clock.tick(ms);
  }

  async tickAsync(ms = 0): Promise<void> {
    await this.#clock.tickAsync(ms);
  }

  async runMicrotasks(): Promise<void> {
    await this.#clock.tickAsync(0);
  }

  restore(): void {
    this.#clock.uninstall();
  }

  [Symbol.dispose](): void {
    this.restore();
  }
}
