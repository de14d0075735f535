/** `@std/yaml` from npm alone: only the names and options this project uses. */
import { parseDocument } from "yaml";

export interface ParseOptions {
  schema?: "core";
}

/** Parses one YAML 1.2 document. Throws `SyntaxError` for the first thing wrong with it. */
export function parse(text: string, options: ParseOptions = {}): unknown {
  const document = parseDocument(text, {
    schema: options.schema ?? "core",
    merge: false,
    uniqueKeys: true,
    prettyErrors: false,
  });
  const [problem] = document.errors;
  if (problem !== undefined) throw new SyntaxError(problem.message);
  return document.toJS({ maxAliasCount: 100 });
}
