import { within, type WithinOptions } from "./within.ts";

/** Waits until `holds`, looking again every few milliseconds. Throws after ten seconds. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  options: WithinOptions = {},
): Promise<void> {
  let late = false;
  const look = async (): Promise<void> => {
    while (!late && !await holds()) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  try {
    await within(look(), what, options);
  } finally {
    late = true;
  }
}
