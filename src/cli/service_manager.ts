import { uptime } from "node:os";
import type { Log } from "../observe/log.ts";

/** What of a unix datagram socket is used; Deno's types have it as unstable only. */
interface Datagrams {
  send(bytes: Uint8Array, to: { transport: "unixpacket"; path: string }): Promise<number>;
  close(): void;
}

export interface ServiceManagerOptions {
  log: Log;
  /** A monotonic clock, milliseconds. */
  now: () => number;
  /** The environment. */
  env: (name: string) => string | undefined;
  /** This process. */
  pid: number;
}

/** An event loop that is later than this is not well, milliseconds. */
const MAX_LAG_MS = 5000;

const encoder = new TextEncoder();

/**
 * Tells the service manager how the process is doing, as sd_notify(3) does: systemd starts what depends on it when it
 * is ready, and restarts it when its event loop hangs. Silent where nobody wants to know (no NOTIFY_SOCKET). What
 * cannot be sent is said once in the log; it is nobody's reason to stop.
 */
export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  readonly #path: string | undefined;
  #socket: Datagrams | undefined;
  #watchdog: ReturnType<typeof setInterval> | undefined;
  #failing = false;

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
    this.#path = options.env("NOTIFY_SOCKET") || undefined;
    if (this.#path !== undefined) this.#open();
  }

  /** Whether somebody wants to know. */
  get isHeard(): boolean {
    return this.#path !== undefined;
  }

  /** It serves, be it for the first time or after a reload. */
  ready({ host, port }: { host: string; port: number }): Promise<void> {
    return this.#tell("READY=1", `STATUS=serving on ${host}:${port}`);
  }

  /** It has been told to read its configuration again; `ready` ends that. */
  reloading(): Promise<void> {
    if (!this.isHeard) return Promise.resolve();
    // Whole seconds, but not before this moment: systemd takes an earlier one for another reload's.
    const seconds = Math.ceil(uptime()) + 1;
    return this.#tell("RELOADING=1", `MONOTONIC_USEC=${seconds * 1_000_000}`);
  }

  stopping(): Promise<void> {
    clearInterval(this.#watchdog);
    return this.#tell("STOPPING=1", "STATUS=running calls end");
  }

  /** Says from now on, at half the interval that is asked for, that it is alive, as long as `isWell`. */
  watch(isWell: () => boolean): void {
    const { env, now, pid } = this.#options;
    const intervalMs = Number(env("WATCHDOG_USEC")) / 1000;
    const whose = env("WATCHDOG_PID") || String(pid);
    if (!(intervalMs > 0) || whose !== String(pid)) return;
    const everyMs = intervalMs / 2;
    let due = now() + everyMs;
    this.#watchdog = setInterval(() => {
      const lag = now() - due;
      due = now() + everyMs;
      if (lag < MAX_LAG_MS && isWell()) void this.#tell("WATCHDOG=1");
    }, everyMs);
  }

  close(): void {
    clearInterval(this.#watchdog);
    this.#socket?.close();
    this.#socket = undefined;
  }

  #open(): void {
    try {
      // Without a path of its own Deno takes the name `undefined`.
      const own = `${Deno.makeTempDirSync({ prefix: "infinilm-router-" })}/notify`;
      const listen = Deno.listenDatagram as unknown as (
        options: { transport: "unixpacket"; path: string },
      ) => Datagrams;
      this.#socket = listen({ transport: "unixpacket", path: own });
      Deno.removeSync(own.slice(0, own.lastIndexOf("/")), { recursive: true });
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Never rejects. */
  async #tell(...lines: string[]): Promise<void> {
    if (this.#socket === undefined || this.#path === undefined) return;
    const path = this.#path.replace(/^@/, "\0"); // an abstract address (unix(7))
    try {
      await this.#socket.send(encoder.encode(lines.join("\n")), { transport: "unixpacket", path });
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log.warn("the service manager cannot be told how it goes", { reason });
  }
}
