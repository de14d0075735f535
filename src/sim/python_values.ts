/**
 * How Python reads values that came as JSON: what is true, what becomes a number, and what it says
 * if it cannot. InfiniLM hands its clients these texts.
 */

/** What Python raised; its message is the text of the exception. */
export class PythonError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PythonError";
  }
}

/** Whether Python takes a value for true. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  // NaN is true in Python.
  return Boolean(value) || Number.isNaN(value);
}

/** The name of a value's type. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return "NoneType";
  if (Array.isArray(value)) return "list";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  return { string: "str", boolean: "bool" }[typeof value as string] ?? "dict";
}

const FLOAT = /^[+-]?(?:(?:\d[\d_]*)(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const NOT_FINITE = /^[+-]?(?:inf|infinity|nan)$/i;
const INTEGER = /^[+-]?\d+(?:_\d+)*$/;

/** `float(value)`. */
export function toFloat(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "string") {
    const text = value.trim();
    if (FLOAT.test(text)) return Number(text.replaceAll("_", ""));
    if (NOT_FINITE.test(text)) return /nan/i.test(text) ? NaN : Infinity;
    throw new PythonError(`could not convert string to float: ${repr(value)}`);
  }
  throw new PythonError(
    `float() argument must be a string or a real number, not '${typeName(value)}'`,
  );
}

/** `int(value)`. */
export function toInt(value: unknown): number {
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "number") {
    if (Number.isNaN(value)) throw new PythonError("cannot convert float NaN to integer");
    if (!Number.isFinite(value)) throw new PythonError("cannot convert float infinity to integer");
    return Math.trunc(value);
  }
  if (typeof value === "string") {
    const text = value.trim();
    if (INTEGER.test(text)) return Number(text.replaceAll("_", ""));
    throw new PythonError(`invalid literal for int() with base 10: ${repr(value)}`);
  }
  throw new PythonError(
    `int() argument must be a string, a bytes-like object or a real number, not '${
      typeName(value)
    }'`,
  );
}

/** `repr()` of a string: in single quotes, unless these are in it and double ones are not. */
export function repr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t").replaceAll(quote, `\\${quote}`);
  return quote + escaped + quote;
}

/** `value[key]` with a string key. */
export function subscript(value: unknown, key: string): unknown {
  if (typeof value === "string") {
    throw new PythonError("string indices must be integers, not 'str'");
  }
  if (Array.isArray(value)) {
    throw new PythonError("list indices must be integers or slices, not str");
  }
  if (typeof value !== "object" || value === null) {
    throw new PythonError(`'${typeName(value)}' object is not subscriptable`);
  }
  if (!Object.hasOwn(value, key)) throw new PythonError(repr(key));
  return (value as Record<string, unknown>)[key];
}

/** The items that a `for` goes through: a list's, a text's characters, an object's keys. */
export function itemsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value === "string") return [...value];
  if (typeof value === "object" && value !== null) return Object.keys(value);
  throw new PythonError(`'${typeName(value)}' object is not iterable`);
}
