import { assert } from "@std/assert";
import { backendsYaml } from "../support/router.ts";

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
    let starts = 0;
    let text = "";
    try {
      for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) {
        text += piece;
        const seen = text.split("router is listening").length - 1;
        if (seen === 3) break;
        if (seen > starts) {
          starts = seen;
          await Deno.writeTextFile(`${folder}/src/cli/exit.ts`, `// change ${seen}\n`, {
            append: true,
          });
        }
      }
      assert(starts === 2, text);
    } finally {
      try {
        child.kill("SIGKILL");
      } catch {
        // it has ended, which is what this test is about
      }
      await child.status;
      await Deno.remove(folder, { recursive: true });
    }
  },
});
