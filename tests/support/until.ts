/** Waits until `holds`, looking again every few milliseconds. Throws after ten seconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const late = Date.now() + 10_000;
  while (!await holds()) {
    if (Date.now() > late) throw new Error(`still not so after ten seconds: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
