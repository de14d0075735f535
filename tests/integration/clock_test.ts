import { assert, assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { chunk, startEnginePeer, STREAM_HEAD } from "../support/engine_peer.ts";
import { RawClient, rawPost } from "../support/raw_client.ts";
import type { PeerConnection } from "../support/raw_peer.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const CHAT = "/v1/chat/completions";

/** Where Debian and others put libfaketime. */
const LIBRARY = ["x86_64-linux-gnu", "aarch64-linux-gnu", ""]
  .map((folder) => `/usr/lib/${folder}/faketime/libfaketime.so.1`)
  .find((path) => exists(path));

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

Deno.test({
  name: "promise 69: a clock that jumps by an hour, forth and back, changes nothing",
  ignore: LIBRARY === undefined,
  async fn(): Promise<void> {
    const conns: PeerConnection[] = [];
    await using engine = startEnginePeer(async (conn) => {
      await conn.write(STREAM_HEAD + "9\r\ndata: 0\n\n\r\n");
      conns.push(conn);
    });
    await using broken = Sim.start({ models: ["other"], fault: "error_500" });
    await using well = Sim.start({ models: ["other"] });
    await using stack = new AsyncDisposableStack();
    const offset = await Deno.makeTempFile();
    stack.defer(() => Deno.remove(offset));
    await Deno.writeTextFile(offset, "+0\n");
    await using router = await RouterProcess.start(
      backendsYaml([`http://127.0.0.1:${engine.port}`, broken.url, well.url], [
        "models: [peer], max_in_flight: 1",
        "models: [other]",
        "models: [other]",
      ]) +
        "health: { interval: 60s, breaker: { base: 60s } }\n" +
        "timeouts: { idle: 1500ms, client_stall: 60s }\nqueue: { timeout: 60s }\n" +
        "routing: { policy: round_robin }\n",
      {
        env: {
          LD_PRELOAD: LIBRARY!,
          FAKETIME_TIMESTAMP_FILE: offset,
          FAKETIME_NO_CACHE: "1",
          FAKETIME_DONT_FAKE_MONOTONIC: "1",
        },
      },
    );
    using client = await RawClient.connect(router.port);
    const body = JSON.stringify(chat("peer", "hi", { stream: true }));
    await client.write(rawPost(CHAT, body, ["x-request-id: running"]));
    await client.until("data: 0\n\n");
    let events = 0;
    const talking = setInterval(() => conns[0]!.write(chunk(`data: ${++events}\n\n`)), 100);
    stack.defer(() => clearInterval(talking));
    const waiting = router.post(CHAT, chat("peer", "hi", { stream: true }));
    waiting.catch(() => {}); // told below, unless something else is wrong before
    await until("a call waits", async () => (await stats(router)).queued["peer"] === 1);
    const others = async (): Promise<number> => {
      for (let i = 0; i < 4; i++) await (await router.post(CHAT, chat("other"))).body?.cancel();
      return broken.calls.length;
    };
    await until("it is ejected", async () => await others() >= 5);
    const had = await others();
    const jump = async (hours: number): Promise<void> => {
      await Deno.writeTextFile(offset, `${hours >= 0 ? "+" : ""}${hours}h\n`);
      // It is there once the log says so.
      await until("the clock has jumped", async () => {
        await (await router.fetch(`/none${hours}`)).body?.cancel();
        const line = router.log.findLast(({ message }) => message === "refused");
        const off = Date.parse(String(line?.["@timestamp"])) - Date.now();
        return Math.abs(off - hours * 3_600_000) < 60_000;
      });
    };
    for (const hours of [1, 0]) {
      await jump(hours);
      const before = events;
      await until("longer than timeouts.idle has passed", () => events > before + 18);
      assertEquals((await stats(router)).queued, { peer: 1 });
      assertEquals(await others(), had, "it is not ejected any more");
    }
    clearInterval(talking);
    await jump(-1);
    const heard = await client.until("upstream_idle_timeout");
    assert(heard.includes(`data: ${events}\n\n`), "all that it said");
    const line = await router.call("running");
    assertEquals([line["outcome"], line["code"]], ["timed_out", "upstream_idle_timeout"]);
    const seconds = Number(line["duration_s"]);
    assert(seconds > 2 && seconds < 60, `${seconds} s`);
    assertEquals((await waiting).status, 200);
    await conns[1]!.write(chunk());
    await (await waiting).text();
  },
});

async function stats(router: RouterProcess): Promise<{ queued: Record<string, number> }> {
  return await (await router.fetch("/stats")).json();
}
