import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Ended, runToEnd } from "../support/ended.ts";
import { backendsYaml, routerCommand } from "../support/router.ts";

function run(args: readonly string[], cwd = "."): Promise<Ended> {
  return runToEnd(routerCommand(args, { cwd }), { what: `infinilm-router ${args.join(" ")}` });
}

async function withFile(text: string, test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(path, text);
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

function assertPlain({ err }: Ended): void {
  assert(!/\n\s+at /.test(err) && !err.includes("file://"), `no stack trace: ${err}`);
}

Deno.test("promise 57: check names every problem with file, line and column, and exits 78", async () => {
  const yaml =
    "backends:\n  - url: http://x:1\n    wieght: 2\nlisten: { port: 99999 }\nhealth:\n  interval: 30\n";
  await withFile(yaml, async (path) => {
    const ended = await run(["check", "--config", path]);
    const lines = ended.err.trimEnd().split("\n");
    assertEquals([ended.code, lines.length], [78, 3]);
    assertMatch(lines[0]!, /:3:5: .*wieght.*did you mean `?weight/);
    assertMatch(lines[1]!, /:4:17: .*listen\.port.*99999/);
    assertMatch(lines[2]!, /:6:13: .*health\.interval.*30/);
    assert(lines.every((line) => line.startsWith(`${path}:`)));
    assertPlain(ended);
    assertEquals((await run(["serve", "--config", path])).err, ended.err, "serve says the same");
  });
});

Deno.test("promise 57: check prints one ok line for a good file, also as a bare argument", async () => {
  for (
    const args of [["check", "--config", "config.example.yaml"], ["check", "config.example.yaml"]]
  ) {
    const ended = await run(args);
    assertEquals([ended.code, ended.err], [0, ""]);
    assertMatch(ended.out, /^ok: 2 backends, listening on 0\.0\.0\.0:8000\n$/);
  }
});

Deno.test("promise 58: what a person can mend ends in one line and its exit code", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const config = backendsYaml(["http://127.0.0.1:9"]);
  await withFile(config, async (path) => {
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [
        ["--config", path, "--host", "127.0.0.1", "--port", String(taken.addr.port)],
        69,
        new RegExp(`port ${taken.addr.port} is already in use`),
      ],
      [
        ["--config", path, "--host", "203.0.113.1", "--port", "0"],
        69,
        /not an address of this machine/,
      ],
      [["--config", "/nonexistent/x.yaml"], 66, /\/nonexistent\/x\.yaml/],
      [["--config", "/"], 66, /directory/],
      [["--confg", path], 64, /--confg/],
      [["serve", "extra"], 64, /unexpected argument 'extra'/],
      [["nonsense"], 64, /no such command: 'nonsense'/],
      [["check", "--port"], 64, /--port/],
      [["sim", "--tps", "fast"], 64, /--tps must be a number from 0 to \d+, received 'fast'/],
      [["sim", "--fault", "fire"], 64, /--fault must be one of .*reset.*, received 'fire'/],
      [
        ["sim", "--engine", "vllm"],
        64,
        /--engine must be one of openai, infinilm, received 'vllm'/,
      ],
      [["sim", "--engine", "infinilm", "--kv", "x"], 64, /--kv must be one of static, paged, rec/],
      [["sim", "--kv", "paged"], 64, /--kv needs --engine infinilm/],
      [["sim", "--engine", "infinilm", "--api-key", "x"], 64, /--api-key needs --engine openai/],
      [["sim", "--engine", "infinilm", "--model", "a,b"], 64, /--model must be one name .*'a,b'/],
      [["sim", "--fault", "hung_step"], 64, /--fault hung_step needs --engine infinilm/],
      [["sim", "--port", String(taken.addr.port)], 69, /already in use/],
      [
        ["--config", path, "--port", "abc"],
        64,
        /--port must be an integer from 0 to 65535, received 'abc'/,
      ],
      [["--config", path, "--log-level", "loud"], 64, /--log-level.*loud/],
      [["demo", "--log-level", "loud"], 64, /--log-level.*loud/],
      [["demo", "--port", "-1"], 64, /--port/],
      [["check", "-", "--config", path], 64, /two configurations/],
      [["check", path, "--port", "0x1F90"], 64, /--port must be an integer .*received '0x1F90'/],
      [["sim", "--ttft", "1e3"], 64, /--ttft must be a number .*received '1e3'/],
    ];
    for (const [args, code, says] of cases) {
      const ended = await run(args);
      assertEquals([args.join(" "), ended.code], [args.join(" "), code]);
      assertMatch(ended.err, says);
      assertEquals(ended.err.trimEnd().split("\n").length, 1, ended.err);
      assertPlain(ended);
    }
  });
});

Deno.test("without --config the file is ./config.yaml, and its absence is named", async () => {
  const empty = await Deno.makeTempDir();
  const { code, err } = await run([], empty);
  await Deno.remove(empty);
  assertEquals(code, 66);
  assertStringIncludes(err, "config.yaml");
});

Deno.test("every verb has help with its flags and examples, and version says what it is", async () => {
  const overview = await run(["--help"]);
  assertEquals([overview.code, overview.err], [0, ""]);
  for (const verb of ["serve", "check", "migrate", "registry", "sim", "demo", "version"]) {
    assertMatch(overview.out, new RegExp(`^  ${verb} `, "m"));
    const help = await run([verb, "--help"]);
    assertEquals([verb, help.code], [verb, 0]);
    assertStringIncludes(help.out, "Examples:\n  infinilm-router");
  }
  assertMatch((await run(["version"])).out, /^infinilm-router \d+\.\d+\.\d+ \(deno 2\./);
});
