/** A request that cannot be read as HTTP; it is answered with this status, then cut off. */
export class HttpError extends Error {
  /** The HTTP status. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "HttpError";
    this.status = status;
  }
}
