import { z } from "zod";

/** What an operator has to know about one key of the config file. */
export interface KeyDoc {
  /** What the key is for, with its unit if the value does not carry one. */
  meaning: string;
  /** What a value must be, bounds included: "an integer from 1 to 10". None for a section. */
  wanted?: string;
  /** As it would stand in the file, or in words where no value says it. None: a required key. */
  default?: string;
  /** The value is never shown in a message. */
  secret?: boolean;
}

/** The description of every key in `schema.ts`, by the schema of its value. */
export const keyDocs: z.core.$ZodRegistry<KeyDoc> = z.registry<KeyDoc>();
