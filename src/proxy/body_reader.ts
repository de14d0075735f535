/**
 * A reader of what is still to come of a request's body, into buffers of the caller's. Undefined if
 * there is none, if all of it is here already (Deno makes no byte stream of that), or if it is being read.
 */
export function bodyReader(request: Request): ReadableStreamBYOBReader | undefined {
  const { body } = request;
  if (body === null || body.locked) return undefined;
  try {
    return body.getReader({ mode: "byob" });
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}
