import { LineWriter } from "./line_writer.ts";

const encoder = new TextEncoder();

/** The log goes to standard error, and never keeps the router waiting. */
export const logLines = new LineWriter({ to: Deno.stderr });

/** Writes all of a complaint to standard error. */
export function writeError(text: string): void {
  writeAll(Deno.stderr, text);
}

/** Writes all of a text to standard output. */
export function writeOut(text: string): void {
  writeAll(Deno.stdout, text);
}

/** All of standard input as text; Deno gives its device file to nobody without every permission. */
export function readStdin(): string {
  const decoder = new TextDecoder();
  const piece = new Uint8Array(64 * 1024);
  let text = "";
  for (let read = Deno.stdin.readSync(piece); read !== null; read = Deno.stdin.readSync(piece)) {
    text += decoder.decode(piece.subarray(0, read), { stream: true });
  }
  return text + decoder.decode();
}

function writeAll(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
  } catch {
    // nobody reads it any more: not a reason to stop serving
  }
}
