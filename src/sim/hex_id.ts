import { seededRandom, seedFrom } from "./random.ts";

/** An id that looks random; the same run gives the same ones. */
export function hexId(of: { seed: number; number: number; length: number }): string {
  const random = seededRandom(seedFrom(of.seed, `id ${of.number}`));
  return Array.from({ length: of.length }, () => Math.floor(random() * 16).toString(16)).join("");
}
