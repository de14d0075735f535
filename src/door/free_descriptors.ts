/** What the process needs beside connections: the log, the configuration, timers, workers. */
const OTHERS = 8;

/**
 * How many client connections the limit on file descriptors allows, at most `wanted`: each may need
 * one towards a backend as well. Found by opening files until it fails, as Deno tells no limit.
 */
export function affordableConnections(wanted: number): number {
  const files: Deno.FsFile[] = [];
  const enough = wanted * 2 + OTHERS;
  try {
    while (files.length < enough) files.push(Deno.openSync("/dev/null"));
  } catch {
    // that is the limit
  }
  for (const file of files) file.close();
  if (files.length === 0) return wanted; // no such file, or no permission: nothing is known
  return Math.min(wanted, Math.max(1, Math.floor((files.length - OTHERS) / 2)));
}
