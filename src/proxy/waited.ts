import type { Placed } from "../admission/queue.ts";
import { RouterError } from "../errors.ts";
import type { RequestRecord } from "../observe/request_record.ts";
import { type Cutoff, cutOutcome } from "./cutoff.ts";
import type { House } from "./house.ts";

/** Waits for a place, and has it told. What the queue says in an error is given back. */
export async function waited(
  placed: Promise<Placed>,
  { house, cutoff, record }: { house: House; cutoff: Cutoff; record: RequestRecord },
): Promise<Placed | RouterError> {
  const since = house.now();
  try {
    const found = await placed;
    if (found === undefined) record.outcome = cutOutcome(cutoff, "queue");
    return found;
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    return error;
  } finally {
    record.queued = (record.queued ?? 0) + (house.now() - since) / 1000;
  }
}
