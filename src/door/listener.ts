import type { Log } from "../observe/log.ts";
import type { Acceptor, Address } from "./acceptor.ts";
import type { OpenAddress } from "./acceptors.ts";

export interface ListenerOptions {
  listen: Address & {
    /** How long a lost port is tried to be had again, milliseconds. */
    giveUpMs: number;
  };
  open: OpenAddress;
  log: Log;
  /** Monotonic clock, milliseconds. */
  now: () => number;
}

/** Between two tries to listen again. */
const AGAIN_MS = 200;

/** Between two lines in the log about a port that cannot be had again. */
const TELL_AGAIN_MS = 60_000;

/** The listening port. When accepting fails for good it listens again; running answers go on meanwhile. */
export class Listener {
  readonly host: string;
  readonly port: number;
  /** Resolves when the port was lost and could not be had again for `giveUpMs`. */
  readonly lost: Promise<void>;
  readonly #options: ListenerOptions;
  readonly #giveUp = Promise.withResolvers<void>();
  #acceptor: Acceptor;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopping = false;
  #listening = true;

  /** Whether it has its port. */
  get listening(): boolean {
    return this.#listening;
  }

  /** Throws what listening throws if the address cannot be had. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.lost = this.#giveUp.promise;
    this.#acceptor = this.#listen(options.listen);
    const { addr } = this.#acceptor;
    this.host = addr.hostname;
    this.port = addr.port;
  }

  /** Takes no new connection; resolves when those it has are done. */
  async shutdown(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#acceptor.stop();
  }

  /** Ends all connections at once. */
  cut(): void {
    this.#acceptor.cut();
  }

  #listen(address: Address): Acceptor {
    const acceptor = this.#options.open(address);
    acceptor.failed.then((error) => this.#failed(error));
    return acceptor;
  }

  #failed(error: unknown): void {
    if (this.#stopping) return;
    const { log, now } = this.#options;
    this.#listening = false;
    log.error("accepting connections failed, listening again", { reason: reasonOf(error) });
    this.#again({ since: now(), told: -Infinity });
  }

  #again({ since, told }: { since: number; told: number }): void {
    const { log, now, listen } = this.#options;
    const { port } = this;
    this.#timer = setTimeout(() => {
      try {
        this.#acceptor = this.#listen(this);
        this.#listening = true;
      } catch (error) {
        const reason = reasonOf(error);
        if (now() - since >= listen.giveUpMs) {
          log.error("the port cannot be had again, giving up", { port, reason });
          return this.#giveUp.resolve();
        }
        const tell = now() - told >= TELL_AGAIN_MS;
        if (tell) log.error("the port cannot be had again, still trying", { port, reason });
        this.#again({ since, told: tell ? now() : told });
      }
    }, AGAIN_MS);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
