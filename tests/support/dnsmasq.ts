import { freePort } from "./free_port.ts";
import { until } from "./until.ts";

/** Whether there is a dnsmasq to test with. */
export function hasDnsmasq(): boolean {
  try {
    return new Deno.Command("dnsmasq", { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** A real name server on 127.0.0.1 that knows nothing but what it is told. */
export class Dnsmasq implements AsyncDisposable {
  readonly port = freePort();
  readonly #folder = Deno.makeTempDirSync();
  #child: Deno.ChildProcess | undefined;

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Runs with these records, as dnsmasq's options: `host-record=…`, `srv-host=…`. */
  async serve(...records: string[]): Promise<void> {
    await this.stop();
    const options = [
      ...["no-resolv", "no-hosts", "no-poll", "local=/example/", "local-ttl=0", "bind-interfaces"],
      ...[`listen-address=127.0.0.1`, `port=${this.port}`, "user=", `pid-file=${this.#folder}/pid`],
      ...records,
    ];
    const file = `${this.#folder}/dnsmasq.conf`;
    Deno.writeTextFileSync(file, options.join("\n"));
    this.#child = new Deno.Command("dnsmasq", {
      args: ["--keep-in-foreground", "--conf-file=" + file],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const nameServer = { ipAddr: "127.0.0.1", port: this.port };
    await until("dnsmasq answers", async () => {
      try {
        const signal = AbortSignal.timeout(300); // it asks again by itself after seconds only
        await Deno.resolveDns("up.example", "TXT", { nameServer, signal });
        return true;
      } catch (error) {
        return error instanceof Deno.errors.NotFound;
      }
    });
  }

  async stop(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#child = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
