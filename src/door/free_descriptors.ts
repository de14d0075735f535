/** What the process needs beside connections: the log, the configuration, timers, workers. */
const OTHERS = 8;

/** So many connections at a time are told that they are too many. */
const MOST_TURNED_AWAY = 64;

export interface Affordable {
  /** Client connections that are served at a time. */
  readonly connections: number;
  /** Those that are turned away with an answer at a time. */
  readonly turnedAway: number;
}

/**
 * How many client connections the limit on file descriptors allows, at most `wanted`: each may need one towards a
 * backend as well, and those that are one too many must not take it. `open` is how many there are already. Found by
 * opening files until it fails, as Deno tells no limit.
 */
export function affordableConnections(wanted: number, open = 0): Affordable {
  const more = Math.max(0, wanted - open);
  const free = freeDescriptors(more * 2 + MOST_TURNED_AWAY + OTHERS) + open * 2;
  if (free === 0) return { connections: wanted, turnedAway: MOST_TURNED_AWAY }; // nothing is known
  const turnedAway = Math.max(1, Math.min(MOST_TURNED_AWAY, Math.floor((free - OTHERS) / 4)));
  const connections = Math.max(1, Math.floor((free - OTHERS - turnedAway) / 2));
  return { connections: Math.min(wanted, connections), turnedAway };
}

/** 0 if there is no such file, or no permission. */
function freeDescriptors(enough: number): number {
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < enough) files.push(Deno.openSync("/dev/null"));
  } catch {
    // that is the limit
  }
  for (const file of files) file.close();
  return files.length;
}
