import { assert, assertEquals } from "@std/assert";
import { jsonAnswer, startEnginePeer } from "../support/engine_peer.ts";
import { RawClient, rawPost } from "../support/raw_client.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const CHAT = JSON.stringify(chat("peer"));
const CONNECTIONS = 500;

function has(program: string): boolean {
  return new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" })
    .outputSync().success;
}

/** The time below which 99 of 100 calls of one client are answered, milliseconds. */
async function p99(router: RouterProcess): Promise<number> {
  using client = await RawClient.connect(router.port);
  const times: number[] = [];
  for (let i = 0; i < 400; i++) {
    const began = performance.now();
    await client.write(rawPost("/v1/chat/completions", CHAT));
    assertEquals((await client.answer()).status, 200);
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)]!;
}

function connections(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

for (const [what, flags] of [["heads", ["-H"]], ["bodies", ["-B", "-s", "100000"]]] as const) {
  Deno.test({
    name:
      `promise 36: ${CONNECTIONS} clients with slow ${what} hold up nobody else, and are gone when their time is up`,
    ignore: !has("slowhttptest"),
    async fn(): Promise<void> {
      await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
      await using router = await RouterProcess.start(
        `${backendsYaml([`http://127.0.0.1:${peer.port}`])}timeouts: { head: 4s, request: 4s }\n`,
      );
      await p99(router); // warm
      const before = connections(router.pid);
      const url = `http://127.0.0.1:${router.port}/v1/chat/completions`;
      const attack = new Deno.Command("slowhttptest", {
        args: [...flags, "-c", String(CONNECTIONS), "-r", "500", "-i", "1", "-l", "8", "-u", url],
        stdout: "null",
        stderr: "null",
        stdin: "null",
      });
      // The same machine runs both sides and whatever else: one quiet round decides.
      const rounds: [quiet: number, attacked: number][] = [];
      const good = (): boolean =>
        rounds.some(([quiet, attacked]) => attacked <= 2 * Math.max(quiet, 2));
      for (let round = 0; round < 3 && !good(); round++) {
        const quiet = await p99(router);
        const slow = attack.spawn();
        try {
          await until(
            "most slow clients are connected",
            () => connections(router.pid) > before + CONNECTIONS * 0.8,
            { seen: () => connections(router.pid) },
          );
          rounds.push([quiet, await p99(router)]);
          await until("they are gone", () => connections(router.pid) < before + 50, {
            ms: 20_000,
            seen: () => connections(router.pid),
          });
        } finally {
          try {
            slow.kill("SIGKILL");
          } catch {
            // it has ended by itself
          }
          await slow.status;
        }
      }
      assert(good(), `p99 quiet and under attack, ms: ${JSON.stringify(rounds)}`);
    },
  });
}
