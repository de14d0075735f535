import { assertEquals } from "@std/assert";
import { errorResponse } from "../../src/api/error_body.ts";
import { ERRORS, RouterError } from "../../src/errors.ts";
import { errorEvent } from "../../src/engine/error_form.ts";
import { encodeEvent } from "../../src/sse/encode.ts";

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

Deno.test("docs/errors.md shows the three forms of the body as they are sent", async () => {
  const shown = blocks("json").map((text) => JSON.parse(text));
  const [asText, asObject] = shown;
  const headers = new Headers();
  const error = new RouterError("invalid_parameter", asText.error, { param: asText.param });
  const sent = (format: "text" | "openai", path = "/v1/completions"): Promise<unknown> =>
    errorResponse(error, { format, path, headers, requestId: asText.request_id }).json();
  assertEquals(shown, [
    await sent("text"),
    await sent("openai"),
    await sent("openai", "/v1/messages"),
  ]);
  assertEquals(asObject.error.message, asText.error, "one and the same error");
});

Deno.test("docs/errors.md shows the events in a stream as they are sent", () => {
  const [event, named, ...others] = blocks("text");
  assertEquals(others, []);
  const { error } = JSON.parse(event!.replace(/^data: /, ""));
  const told = new RouterError(error.code, error.message);
  const sent = (form: "openai" | "anthropic"): string => {
    const requestId = "8102f80c-b492-4bc2-a203-d4aedbb9ff57";
    const { data, ...options } = errorEvent(told, { form, requestId });
    return new TextDecoder().decode(encodeEvent(data, options));
  };
  assertEquals([event, named], [sent("openai"), sent("anthropic")]);
});
