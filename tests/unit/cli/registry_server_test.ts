import { assertEquals, assertThrows } from "@std/assert";
import { CliError, EXIT } from "../../../src/cli/exit.ts";
import {
  type RegistryOptions,
  type RunningRegistry,
  startRegistry,
} from "../../../src/cli/registry_server.ts";
import { AddressList } from "../../../src/discovery/address_list.ts";
import type { Log } from "../../../src/observe/log.ts";
import { newTold } from "../discovery/book_support.ts";

const listen = { host: "127.0.0.1", port: 0 };

function start(options: Partial<RegistryOptions> = {}): RunningRegistry {
  const quiet = (): void => {};
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet } as unknown as Log;
  return startRegistry({
    listen,
    allow: new AddressList([]),
    removalGraceMs: 60_000,
    log,
    ...options,
  });
}

async function register({ port }: RunningRegistry, name: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/services`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(newTold(name)),
  });
  await response.body?.cancel();
  return response.status;
}

Deno.test("the source of a registry tells what registers there, and nothing is left when it has stopped", async () => {
  const registry = start();
  const { source, host, port } = registry;
  assertEquals([host, source.name, source.removalGraceMs], [
    "127.0.0.1",
    `registry on port ${port}`,
    60_000,
  ]);
  const told: string[] = [];
  const stop = source.watch({
    onSpecs: (specs) => void told.push(specs.map(({ name, url }) => `${name} ${url}`).join(", ")),
    onTrouble: () => {},
  });
  assertEquals(await register(registry, "a-server"), 201);
  stop();
  assertEquals(await register(registry, "b-server"), 201);
  await registry.stop();
  assertEquals(told, ["", "a-server http://10.0.0.5:8100"]);
});

Deno.test("an address that cannot be had, and a state file in no folder, end in plain words", async () => {
  const registry = start();
  const taken = { listen: { host: "127.0.0.1", port: registry.port } };
  assertEquals(assertThrows(() => start(taken), CliError).exitCode, EXIT.unavailable);
  const lost = { stateFile: "/nowhere/at/all/state.json" };
  assertEquals(assertThrows(() => start(lost), CliError, "/nowhere/at/all").exitCode, EXIT.noInput);
  await registry.stop();
});
