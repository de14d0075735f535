import { assert, assertEquals } from "@std/assert";

const UNIT = new URL("../../packaging/systemd/infinilm-router.service", import.meta.url);

/** At most so exposed, of 10, by systemd's own measure. */
const MOST_EXPOSED = 2;

function hasSystemdAnalyze(): boolean {
  try {
    return new Deno.Command("systemd-analyze", { args: ["--version"], stdout: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** What systemd says of the unit, with a program in it that is there. */
function analyze(...args: string[]): { code: number; text: string } {
  const folder = Deno.makeTempDirSync();
  try {
    const file = `${folder}/infinilm-router.service`;
    const unit = Deno.readTextFileSync(UNIT).replaceAll("/usr/bin/infinilm-router", "/bin/true");
    Deno.writeTextFileSync(file, unit);
    const { code, stdout, stderr } = new Deno.Command("systemd-analyze", { args: [...args, file] })
      .outputSync();
    return {
      code,
      text: [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join(""),
    };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test({
  name: "promise 60: systemd finds nothing wrong with the unit file",
  ignore: !hasSystemdAnalyze(),
  fn(): void {
    const { code, text } = analyze("verify");
    assertEquals([code, text.split("\n").filter((line) => line.includes("infinilm-router"))], [
      0,
      [],
    ]);
  },
});

Deno.test({
  name: "promise 60: by systemd's measure the service is exposed to 2.0 of 10 at most",
  ignore: !hasSystemdAnalyze(),
  fn(): void {
    const { text } = analyze("security", "--offline=true");
    const found = /Overall exposure level for infinilm-router\.service: ([\d.]+)/.exec(text);
    assert(Number(found?.[1]) <= MOST_EXPOSED, text.slice(-300));
  },
});

Deno.test("the unit file leaves V8 what it needs, and waits longer than the router's own deadline", () => {
  const unit = Deno.readTextFileSync(UNIT);
  assertEquals(/^MemoryDenyWriteExecute=yes/m.test(unit), false);
  assert(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) > 300);
  assert(/^Type=notify$/m.test(unit) && /^WatchdogSec=\d+$/m.test(unit));
});
