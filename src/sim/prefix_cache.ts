/**
 * How many tokens of a prompt need not be computed, because it begins like the last one: whole
 * blocks, and never all of it, as the last token must be computed to be followed.
 */
export function cachedTokens(
  prompt: readonly string[],
  { last, block }: { last: readonly string[]; block: number },
): number {
  let same = 0;
  while (same < prompt.length - 1 && prompt[same] === last[same]) same++;
  return Math.floor(same / block) * block;
}
