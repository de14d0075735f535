/** What comes of answers' bodies, counted by who reads them, for who wants to know whether anything does. */
export interface Flow {
  /** So many pieces have come. */
  pieces: number;
  /** So many bodies are waiting for their next. */
  pending: number;
}
