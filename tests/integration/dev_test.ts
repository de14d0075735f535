import { assert } from "@std/assert";
import { backendsYaml } from "../support/router.ts";
import { until } from "../support/until.ts";
import { within } from "../support/within.ts";

/** Copies what the router is run from, so that a change to it disturbs nobody. */
async function copySources(to: string): Promise<void> {
  for (const name of ["main.ts", "deno.json", "src", "packaging"]) {
    const copied = await new Deno.Command("cp", { args: ["-r", name, to] }).output();
    assert(copied.success);
  }
}

Deno.test({
  name: "make dev: the router starts anew after every change of its sources",
  ignore: Deno.env.has("ROUTER_BIN"),
  timeout: 120_000, // more than its waits have together
  async fn(): Promise<void> {
    const folder = await Deno.makeTempDir();
    await copySources(folder);
    await Deno.writeTextFile(
      `${folder}/config.yaml`,
      `listen: { host: 127.0.0.1, port: 0 }\n${backendsYaml(["http://127.0.0.1:9"])}`,
    );
    const map = (Deno.env.get("MAP") ?? "").split(" ").filter((flag) => flag !== "");
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--watch", ...map, "--allow-all", "main.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    let text = "";
    const reading = (async () => {
      for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) text += piece;
    })();
    const count = (words: string): number => text.split(words).length - 1;
    const limit = { ms: 20_000, seen: () => text };
    try {
      await until("it listens", () => count("router is listening") > 0, limit);
      for (const change of [1, 2]) {
        const before = { restarts: count("change detected"), starts: count("router is listening") };
        // The watcher begins some time after the router listens, and misses what was before.
        let writeAt = 0;
        await until(`change ${change} is noticed`, async () => {
          if (Date.now() >= writeAt) {
            await Deno.writeTextFile(`${folder}/src/cli/exit.ts`, "// changed\n", { append: true });
            writeAt = Date.now() + 1000;
          }
          return count("change detected") > before.restarts;
        }, limit);
        await until(
          `it listens after change ${change}`,
          () => count("router is listening") > before.starts,
          limit,
        );
      }
    } finally {
      try {
        child.kill("SIGKILL");
      } catch {
        // it has ended, which is what this test is about
      }
      await within(Promise.all([child.status, reading]), "its end", limit);
      await Deno.remove(folder, { recursive: true });
    }
  },
});
