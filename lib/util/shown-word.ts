/** Words out of images and registries, in errors: whatever is in them, they are one short line. */

const LONGEST = 100;

/** As it is where it looks like a type or a platform, else quoted, and cut off where it is long. */
export function shownWord(word: string): string {
  if (word.length <= LONGEST && /^[\w.+/:-]+$/.test(word)) return word;
  const cut = word.length > LONGEST ? `${word.slice(0, LONGEST)}…` : word;
  return JSON.stringify(cut);
}
