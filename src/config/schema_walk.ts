import { z } from "zod";
import type { KeyPath } from "./interpolate.ts";

/** The schema at a path as its key has it, wrappers (default, optional) included. */
export function schemaAt(schema: z.core.$ZodType, path: KeyPath): z.core.$ZodType | undefined {
  let here: z.core.$ZodType | undefined = schema;
  for (const segment of path) {
    const inner: z.core.$ZodType | undefined = here && unwrapped(here);
    if (inner instanceof z.ZodObject) here = inner.shape[segment];
    else if (inner instanceof z.ZodArray) here = inner.element;
    else return undefined;
  }
  return here;
}

/** The schema that first sees a written value: without default, optional, nullable, transform. */
function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  if (
    schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable
  ) {
    return unwrapped(schema.unwrap());
  }
  return schema instanceof z.ZodPipe ? unwrapped(schema.in) : schema;
}

/** The keys that a mapping with this schema may have; empty for anything but a mapping. */
export function keysOf(schema: z.core.$ZodType | undefined): string[] {
  const inner = schema && unwrapped(schema);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** Every key below a schema, sections included; a list's items stand under index 0. */
export function allKeys(schema: z.core.$ZodType, path: KeyPath = []): KeyPath[] {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodArray) return allKeys(inner.element, [...path, 0]);
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries(inner.shape).flatMap(([key, value]) => {
    const here = [...path, key];
    return [here, ...allKeys(value as z.core.$ZodType, here)];
  });
}
