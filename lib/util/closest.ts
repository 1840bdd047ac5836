/** What somebody who misspelled a word may have meant. */

/** More changes than this make another word. */
const MOST_CHANGES = 2;

/** The known words that take the fewest changes, the nearest first; no more than three. */
export function closest(typed: string, known: Iterable<string>): readonly string[] {
  // A short word is close to every other one.
  const most = Math.min(MOST_CHANGES, Math.floor(typed.length / 3));
  return [...known]
    .map((word) => ({ word, changes: distance(typed, word) }))
    .filter(({ changes }) => changes <= most)
    .toSorted((one, other) => one.changes - other.changes)
    .slice(0, 3)
    .map(({ word }) => word);
}

/** Letters added, left out, changed, or two neighbors exchanged (optimal string alignment). */
function distance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > MOST_CHANGES) return Infinity;
  let before: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row++) {
    const current = [row];
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (before[column - 2] ?? 0) + 1 : Infinity,
      );
    }
    [before, last] = [last, current];
  }
  return last[other.length] ?? Infinity;
}
