import { isFailure, type Outcome } from "../outcome.ts";

/** How much the newest call weighs in the moving average of response times. */
const NEWEST_SHARE = 0.2;

/** What `/stats` says of one backend. */
export class BackendStats {
  /** Calls sent to it. */
  requests = 0;
  /** Connect failures, breaks, 5xx and time-outs. */
  errors = 0;
  /** Moving average in seconds from pick to end of body; 0 before the first whole answer. */
  responseTime = 0;

  begin(): void {
    this.requests++;
  }

  end(outcome: Outcome, seconds: number): void {
    if (isFailure(outcome)) this.errors++;
    if (outcome.kind !== "completed") return;
    this.responseTime = this.responseTime === 0
      ? seconds
      : this.responseTime + NEWEST_SHARE * (seconds - this.responseTime);
  }
}
