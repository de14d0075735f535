import { assertEquals } from "@std/assert";
import { runToEnd } from "../../support/ended.ts";

/** Runs a command in a process that may do everything, and returns what it may then do with files. */
async function permissionAfter(args: readonly string[]): Promise<string> {
  const main = new URL("../../../src/cli/main.ts", import.meta.url).href;
  const script = `const { main } = await import(${JSON.stringify(main)});
await main(${JSON.stringify(args)});
console.log("write:" + Deno.permissions.querySync({ name: "write" }).state);
Deno.exit(0);`;
  const map = (Deno.env.get("MAP") ?? "").split(" ").filter((flag) => flag !== "");
  const command = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", ...map, script],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { out, err } = await runToEnd(command, { what: `main(${args})` });
  return /^write:(\w+)$/m.exec(out)?.[1] ?? `${out}${err}`;
}

Deno.test("a process without a state file gives up writing, one that has one keeps it", async () => {
  const elsewhere = ["--host", "203.0.113.1", "--port", "0"];
  const folder = await Deno.makeTempDir();
  const kept = ["--state-file", `${folder}/state.json`];
  assertEquals(await permissionAfter(["version"]), "prompt", "which means no, as nobody is asked");
  assertEquals(await permissionAfter(["registry", ...elsewhere]), "prompt");
  assertEquals(await permissionAfter(["registry", ...elsewhere, ...kept]), "granted");
  assertEquals(
    await permissionAfter(["serve", "--config", "config.example.yaml", ...elsewhere]),
    "prompt",
  );
  await Deno.remove(folder, { recursive: true });
});
