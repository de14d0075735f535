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

Deno.test("a verb that writes no files gives up that permission, the registry keeps it", async () => {
  assertEquals(await permissionAfter(["version"]), "prompt", "which means no, as nobody is asked");
  assertEquals(
    await permissionAfter(["registry", "--port", "0", "--host", "203.0.113.1"]),
    "granted",
  );
});
