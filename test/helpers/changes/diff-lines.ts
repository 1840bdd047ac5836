/** What `diff` prints, as lines that can be held against each other. */
import { below } from "./paths.ts";

/** Lines of `diff`; one of a name with a newline is one line. */
export function linesOf(text: string): readonly string[] {
  return text.split(/\n(?=[ACD] \/|$)/).filter(Boolean);
}

/** What is said of `place`, as seen from there, sorted: `C /`, `A /new`. */
export function diffBelow(lines: readonly string[], place: string): readonly string[] {
  return lines
    .map((line) => [line.slice(0, 2), below(line.slice(3), place)] as const)
    .filter(([, path]) => path !== undefined)
    .map(([kind, path]) => `${kind}${path}`)
    .sort();
}

/** With `C` for each directory on the way that is not listed. */
export function withParents(lines: readonly string[]): readonly string[] {
  const listed = new Set(lines.map((line) => line.slice(2)));
  const found = new Set(lines);
  for (const path of listed) {
    for (let at = path; at !== "/";) {
      at = at.slice(0, at.lastIndexOf("/")) || "/";
      if (!listed.has(at)) found.add(`C ${at}`);
    }
  }
  return [...found].sort();
}
