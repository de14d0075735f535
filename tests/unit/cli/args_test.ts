import { assertEquals, assertThrows } from "@std/assert";
import { numberFlag, type ParsedArgs } from "../../../src/cli/args.ts";
import { CliError } from "../../../src/cli/exit.ts";

function given(text: string): ParsedArgs {
  return { values: { n: text }, positionals: [] };
}

const PORT = { name: "n", min: 0, max: 65535, integer: true };
const SHARE = { name: "n", min: 0, max: 1 };

Deno.test("a flag that was not given has no number", () => {
  assertEquals(numberFlag({ values: {}, positionals: [] }, PORT), undefined);
});

Deno.test("an integer flag takes digits within its range, and nothing else that JavaScript reads", () => {
  for (const [text, number] of [["0", 0], ["80", 80], ["65535", 65535]] as const) {
    assertEquals(numberFlag(given(text), PORT), number);
  }
  for (
    const text of [
      "0x1F90",
      "1e3",
      "80.0",
      " 80",
      "80 ",
      "+80",
      "-1",
      "0b1",
      "1_0",
      "",
      " ",
      "65536",
    ]
      .concat("8O", "٨٠", "NaN", "Infinity", "9".repeat(400))
  ) {
    const error = assertThrows(() => numberFlag(given(text), PORT), CliError);
    assertEquals(error.exitCode, 64);
    assertEquals(error.message, `--n must be an integer from 0 to 65535, received '${text}'`);
  }
});

Deno.test("a number flag also takes a decimal point between digits", () => {
  for (const [text, number] of [["0", 0], ["1", 1], ["0.25", 0.25], ["1.0", 1]] as const) {
    assertEquals(numberFlag(given(text), SHARE), number);
  }
  for (const text of ["1e-1", "0x1", ".5", "1.", "0.2.5", " 0.5", "+0.5", "-0", "1.01", "half"]) {
    const error = assertThrows(() => numberFlag(given(text), SHARE), CliError);
    assertEquals(error.message, `--n must be a number from 0 to 1, received '${text}'`);
  }
});
