import { assert, assertEquals } from "@std/assert";
import { errorResponse } from "../../src/api/error_body.ts";
import { ERRORS, RouterError } from "../../src/errors.ts";
import { encodeErrorEvent } from "../../src/sse/encode.ts";

const TEXT = Deno.readTextFileSync(new URL("../../docs/errors.md", import.meta.url));

/** The cells of the table's rows: a row begins with a code between backticks. */
const rows = TEXT.split("\n").filter((line) => /^\| `[a-z_]+` \|/.test(line)).map((line) =>
  line.slice(2, -2).split(" | ")
);

/** The fenced blocks of one language. */
function blocks(language: string): string[] {
  const fenced = new RegExp("^```" + language + "\n(.*?)^```$", "gms");
  return [...TEXT.matchAll(fenced)].map(([, text]) => text!);
}

Deno.test("docs/errors.md has a row for every error and no other, in the order of the table", () => {
  assertEquals(rows.map(([code]) => code), Object.keys(ERRORS).map((code) => `\`${code}\``));
});

Deno.test("docs/errors.md says of every error what the table says", () => {
  for (const [code, { status, type, source, repeat, meaning }] of Object.entries(ERRORS)) {
    const row = rows.find(([name]) => name === `\`${code}\``);
    assertEquals(row?.slice(1), [
      String(status),
      `\`${type}\``,
      source,
      repeat ? "yes" : "no",
      meaning,
    ], code);
  }
});

Deno.test("docs/errors.md shows both forms of the body as they are sent", async () => {
  const shown = blocks("json").map((text) => JSON.parse(text));
  const [asText, asObject] = shown;
  const error = new RouterError("invalid_parameter", asText.error, { param: asText.param });
  const sent = (format: "text" | "openai"): Promise<unknown> =>
    errorResponse(error, { format, headers: new Headers(), requestId: asText.request_id }).json();
  assertEquals(shown, [await sent("text"), await sent("openai")]);
  assertEquals(asObject.error.message, asText.error, "one and the same error");
});

Deno.test("docs/errors.md shows the event in a stream as it is sent", () => {
  const [event, ...others] = blocks("text");
  assertEquals(others, []);
  const { error } = JSON.parse(event!.replace(/^data: /, ""));
  assertEquals(event, new TextDecoder().decode(encodeErrorEvent(error)));
  assert(error.code in ERRORS);
  assertEquals(error.type, ERRORS[error.code as keyof typeof ERRORS].type);
});
