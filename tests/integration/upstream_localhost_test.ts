import { assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { within } from "../support/within.ts";

/** As Debian writes it: localhost has two addresses, and ::1 is the one that is given first. */
const HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";

/** Runs a command with another hosts file, in a mount namespace of its own. */
function withHosts(file: string, command: readonly string[]): Deno.Command {
  const script = 'mount --bind "$0" /etc/hosts && exec "$@"';
  return new Deno.Command("unshare", {
    args: ["--mount", "sh", "-c", script, file, ...command],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
}

/** Whether this user may do that on this machine. */
function mayMount(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    return withHosts("/etc/hosts", ["true"]).outputSync().success;
  } catch {
    return false;
  }
}

function routerLine(config: string): string[] {
  const map = (Deno.env.get("MAP") ?? "").split(" ").filter((flag) => flag !== "");
  const flags = ["--allow-net", "--allow-read", "--allow-env", "--no-prompt"];
  const source = [Deno.execPath(), "run", "--no-check", ...map, ...flags, "main.ts"];
  const binary = Deno.env.get("ROUTER_BIN");
  const command = binary === undefined ? source : [binary];
  return [...command, "serve", "--config", config, "--host", "127.0.0.1", "--port", "0"];
}

Deno.test({
  name:
    "a backend at localhost that listens on 127.0.0.1 alone becomes healthy where localhost is ::1 first",
  ignore: !mayMount(),
  fn: async () => {
    await using engine = Sim.start();
    const files = await Deno.makeTempDir();
    const hosts = `${files}/hosts`;
    const config = `${files}/config.yaml`;
    await Deno.writeTextFile(hosts, HOSTS);
    const url = engine.url.replace("127.0.0.1", "localhost");
    await Deno.writeTextFile(config, `backends:\n  - { name: a, url: "${url}" }\n`);
    const child = withHosts(hosts, [...routerLine(config), "--log-format", "json"]).spawn();
    let log = "";
    try {
      const healthy = async (): Promise<boolean> => {
        for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
          log += text;
          if (log.includes("backend is healthy")) return true;
        }
        return false;
      };
      assertEquals(await within(healthy(), "a healthy backend", { seen: () => log }), true, log);
    } finally {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(files, { recursive: true });
    }
  },
});
