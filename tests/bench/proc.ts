/** What Linux counts about a process. */

/** Processor time used so far by all threads of a process, user and system, microseconds. */
export function cpuMicros(pid: number): number {
  try {
    let nanos = 0;
    for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
      nanos += Number(Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`).split(" ")[0]);
    }
    return nanos / 1000;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return cpuTicks(pid); // a kernel without scheduler statistics
  }
}

/** The same in steps of 10 ms, which every Linux has: utime and stime, at 100 ticks per second. */
function cpuTicks(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Resident memory of a process, MiB. */
export function residentMiB(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
}
