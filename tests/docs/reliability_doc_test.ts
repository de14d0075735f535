import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const DOC = Deno.readTextFileSync(new URL("docs/reliability.md", ROOT));

/** What the project must keep, by the numbers that tests carry. */
const NUMBERS = [
  ...Array.from({ length: 28 }, (_, index) => index + 1),
  ...[36, 37, 38, 39, 44, 47, 50, 51, 67, 69],
];

const ROWS = [...DOC.matchAll(/^\| (\d+) \| .+ \| `([^`]+)` \|$/gm)]
  .map(([, number, file]) => ({ number: Number(number), file: file! }));

Deno.test("docs/reliability.md has a line for every promise", () => {
  assertEquals(ROWS.map(({ number }) => number), NUMBERS);
});

for (const { number, file } of ROWS) {
  Deno.test(`promise ${number} of docs/reliability.md has a test in the file that is named`, () => {
    const text = Deno.readTextFileSync(new URL(file, ROOT));
    const carries = new RegExp(`["\`]promises? (\\d+(, | and ))*${number}(, \\d+)*( and \\d+)?:`);
    assert(carries.test(text), `${file} has no test of promise ${number}`);
  });
}
