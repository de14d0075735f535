/** The kinds of values that keys have. Each says what it wants in one text, once. */
import { z } from "zod";
import { parseDuration } from "./duration.ts";
import { type KeyDoc, keyDocs } from "./key_docs.ts";
import { parseSize } from "./size.ts";

/** What a kind of value must be; the keys that use the kind take it into their own description. */
const wantedTexts = z.registry<{ wanted: string }>();

/** A key that has a default. */
export function key<S extends z.ZodType>(
  schema: S,
  doc: { default: z.input<S>; meaning: string },
): z.ZodPrefault<S> {
  const written = doc.default as z.util.NoUndefined<z.input<S>>;
  const withDefault = schema.prefault(written);
  keyDocs.add(withDefault, {
    meaning: doc.meaning,
    wanted: wantedTexts.get(schema)?.wanted,
    default: Array.isArray(doc.default) ? "none" : String(doc.default),
  });
  return withDefault;
}

/** A key that may be left out, or left empty, and then means what `default` says in words. */
export function optionalKey<S extends z.ZodType>(
  schema: S,
  doc: Omit<KeyDoc, "wanted">,
): z.ZodOptional<z.ZodNullable<S>> {
  const wanted = wantedTexts.get(schema)?.wanted;
  const optional = schema.nullish();
  keyDocs.add(optional, { ...doc, wanted });
  return optional;
}

/** A key that must be there. */
export function requiredKey<S extends z.ZodType>(schema: S, doc: { meaning: string }): S {
  keyDocs.add(schema, { ...doc, wanted: wantedTexts.get(schema)?.wanted });
  return schema;
}

/** Says what a value must be. */
export function wanting<S extends z.ZodType>(schema: S, wanted: string): S {
  wantedTexts.add(schema, { wanted });
  return schema;
}

export function integer(min: number, max: number): z.ZodNumber {
  const wanted = `an integer from ${min} to ${max}`;
  const error = `must be ${wanted}`;
  return wanting(
    z.number({ error }).int({ error }).min(min, { error }).max(max, { error }),
    wanted,
  );
}

/** A share: from 0 to 1. */
export function fraction(): z.ZodNumber {
  const wanted = "a number from 0 to 1";
  const error = `must be ${wanted}`;
  return wanting(z.number({ error }).min(0, { error }).max(1, { error }), wanted);
}

export function text(pattern: RegExp, wanted: string): z.ZodString {
  const error = `must be ${wanted}`;
  return wanting(z.string({ error }).regex(pattern, { error }), wanted);
}

export function choice<const T extends readonly [string, ...string[]]>(
  ...options: T
): z.ZodEnum<z.util.ToEnum<T[number]>> {
  const wanted = `one of ${options.join(", ")}`;
  return wanting(z.enum(options, { error: `must be ${wanted}` }), wanted);
}

export function trueOrFalse(): z.ZodBoolean {
  return wanting(
    z.boolean({
      error: ({ input }) =>
        /^(?:y|yes|n|no|on|off)$/i.test(String(input))
          ? "must be true or false (YAML 1.2 reads yes, no, on and off as text)"
          : "must be true or false",
    }),
    "true or false",
  );
}

type Quantity = z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>;

/** Milliseconds, written with a unit. The bounds are written as in the file. */
export function duration(min: string, max: string): Quantity {
  return quantity({ ...DURATION, min, max });
}

/** The same, or `null`. */
export function durationOrNull(min: string, max: string): z.ZodNullable<Quantity> {
  return orNull({ ...DURATION, min, max });
}

/** Bytes, written with a unit. The bounds are written as in the file. */
export function size(min: string, max: string): Quantity {
  return quantity({ ...SIZE, min, max });
}

/** The same, or `null`. */
export function sizeOrNull(min: string, max: string): z.ZodNullable<Quantity> {
  return orNull({ ...SIZE, min, max });
}

interface QuantityKind {
  parse: (text: string) => number | undefined;
  noun: string;
  units: string;
}

const DURATION: QuantityKind = { parse: parseDuration, noun: "a duration", units: "ms, s, m or h" };
const SIZE: QuantityKind = {
  parse: parseSize,
  noun: "a size",
  units: "B, kB, MB, GB, KiB, MiB or GiB",
};

function orNull(kind: QuantityKind & { min: string; max: string }): z.ZodNullable<Quantity> {
  const schema = quantity({ ...kind, also: ", or null" });
  return wanting(schema.nullable(), wantedTexts.get(schema)?.wanted ?? "");
}

function quantity(
  { parse, noun, units, min, max, also = "" }: QuantityKind & {
    min: string;
    max: string;
    also?: string;
  },
): Quantity {
  const wanted = `${noun} from ${min} to ${max}${also}`;
  const [least, most] = [parse(min) ?? NaN, parse(max) ?? NaN];
  const unreadable = `must be ${wanted}: one number and one unit (${units})`;

  const schema = z.string({ error: unreadable }).transform((text, context) => {
    const value = parse(text);
    if (value !== undefined && value >= least && value <= most) return value;
    const message = value === undefined ? unreadable : `must be ${wanted}`;
    context.addIssue({ code: "custom", message, input: text });
    return z.NEVER;
  });
  return wanting(schema, wanted);
}
