/**
 * How many calls are on a backend, from the pick to the end of the body. Behind an interface, so that
 * it can be counted elsewhere, as in memory that several processes share.
 */
export interface Load {
  readonly inFlight: number;
  begin(): void;
  end(): void;
}

/** Counted in this process. */
export class LocalLoad implements Load {
  inFlight = 0;

  begin(): void {
    this.inFlight++;
  }

  end(): void {
    this.inFlight--;
  }
}
