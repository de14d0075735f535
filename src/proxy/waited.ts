import type { Placed } from "../admission/queue.ts";
import { RouterError } from "../errors.ts";
import type { RequestRecord } from "../observe/request_record.ts";
import { type Cutoff, noteCut } from "./cutoff.ts";
import type { House } from "./house.ts";

/** Waits for a place, and has it told. What the queue says in an error is given back. */
export async function waited(
  placed: Promise<Placed>,
  { house, cutoff, record, waits }: {
    house: House;
    cutoff: Cutoff;
    record: RequestRecord;
    /** How long this one has waited in all. */
    waits: { seconds: number };
  },
): Promise<Placed | RouterError> {
  const since = house.now();
  try {
    const found = await placed;
    if (found === undefined) noteCut(record, cutoff, "queue");
    return found;
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    return error;
  } finally {
    waits.seconds += (house.now() - since) / 1000;
    // Of several at once, as for a list of prompts, the longest.
    record.queued = Math.max(record.queued ?? 0, waits.seconds);
  }
}
