import { assertEquals } from "@std/assert";
import { CliError } from "../../../src/cli/exit.ts";
import { listenError } from "../../../src/cli/listen_error.ts";

Deno.test("listenError gives each reason its exit code and names the address", () => {
  for (
    const [error, exitCode] of [
      [new Deno.errors.AddrInUse("x"), 69],
      [new Deno.errors.AddrNotAvailable("x"), 69],
      [new Error("failed to lookup address information: Name or service not known"), 69],
      [new Deno.errors.PermissionDenied("x"), 77],
    ] as const
  ) {
    const told = listenError(error, { host: "::1", port: 80 });
    assertEquals(told instanceof CliError && told.exitCode, exitCode);
    assertEquals((told as Error).message.includes("80"), true);
  }
});

Deno.test("listenError leaves a defect as it is", () => {
  const defect = new TypeError("x");
  assertEquals(listenError(defect, { host: "x", port: 1 }), defect);
});
