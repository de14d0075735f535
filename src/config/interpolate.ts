import { shownName } from "./_shown.ts";

/** Where a value stands: keys and list indices from the top. */
export type KeyPath = readonly (string | number)[];

/** How interpolation reaches the world outside the config file. */
export interface InterpolationSources {
  /** The variable's value, or `undefined` if it is not set. */
  env: (name: string) => string | undefined;
  /** The file's content; throws if it cannot be read. Relative paths are as written. */
  readFile: (path: string) => string;
}

/** A value with its `${…}` replaced. */
export interface Interpolated {
  value: unknown;
  /** The texts that held `${…}`, by their path as `JSON.stringify` writes it. */
  replaced: Map<string, { fromFile: boolean }>;
  problems: { path: KeyPath; message: string }[];
}

/**
 * Replaces `${…}` in every text of a parsed YAML value; keys stay as they are.
 *
 * - `${VAR}`: the environment variable; not set = a problem
 * - `${VAR:-default}`: the default (up to the next `}`) if it is not set or empty, as in a shell
 * - `${file:path}`: the file's content without its last line break
 * - `$${`: a literal `${`. Any other `$` stands for itself.
 *
 * What was put in is not looked at again. The value must be a tree of bounded size.
 */
export function interpolate(value: unknown, sources: InterpolationSources): Interpolated {
  const replaced: Interpolated["replaced"] = new Map();
  const problems: Interpolated["problems"] = [];
  return { value: walk(value, []), replaced, problems };

  function walk(part: unknown, path: KeyPath): unknown {
    if (typeof part === "string") return part.includes("${") ? replace(part, path) : part;
    if (Array.isArray(part)) return part.map((item, index) => walk(item, [...path, index]));
    if (typeof part !== "object" || part === null) return part;
    // fromEntries defines each key, so that `__proto__` is a key like any other.
    return Object.fromEntries(
      Object.entries(part).map(([key, item]) => [key, walk(item, [...path, key])]),
    );
  }

  function replace(text: string, path: KeyPath): string {
    let fromFile = false;
    const result = text.replaceAll(/\$\$\{|\$\{([^}]*)(\}?)/g, (whole, inside, end) => {
      if (whole === "$${") return "${";
      const expression = end === "" ? undefined : readExpression(inside);
      if (expression === undefined) {
        problems.push({ path, message: "has a `${` that is none of " + FORMS });
        return "";
      }
      if ("file" in expression) {
        fromFile = true;
        return content(expression.file, path);
      }
      return variable(expression, path);
    });
    replaced.set(JSON.stringify(path), { fromFile });
    return result;
  }

  function content(file: string, path: KeyPath): string {
    try {
      return sources.readFile(file).replace(/\r?\n$/, "");
    } catch (error) {
      const reason = error instanceof Error ? error.message : "unknown reason";
      problems.push({ path, message: `names the file ${shownName(file)}: ${reason}` });
      return "";
    }
  }

  function variable({ name, fallback }: Variable, path: KeyPath): string {
    const found = sources.env(name);
    if (fallback !== undefined) return found || fallback;
    if (found === undefined) {
      problems.push({
        path,
        message: `needs the environment variable ${shownName(name)}, which is not set ` +
          `(\`\${${name}:-…}\` gives a default)`,
      });
    }
    return found ?? "";
  }
}

interface Variable {
  name: string;
  fallback: string | undefined;
}

const FORMS = "`${VAR}`, `${VAR:-default}`, `${file:path}` (write `$${` for a literal `${`)";

function readExpression(inside: string): Variable | { file: string } | undefined {
  const [, file] = /^file:(.+)$/s.exec(inside) ?? [];
  if (file !== undefined) return { file };
  const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inside) ?? [];
  return name === undefined ? undefined : { name, fallback };
}
