/** What a person may have meant by a word that nobody knows. */

/** More than this is another word. */
const MOST_CHANGES = 2;

/** The known word that takes the fewest changes; `undefined` where none is close. */
export function closest(typed: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  // A short word is close to every other one.
  let fewest = Math.min(MOST_CHANGES, Math.floor(typed.length / 3)) + 1;
  for (const word of known) {
    const changes = distance(typed, word);
    if (changes >= fewest) continue;
    fewest = changes;
    best = word;
  }
  return best;
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
