/** Patterns as Go's path.Match reads them. */
import { MarmitaError } from "../errors.ts";

/**
 * `*` and `?` stand for any characters but `/`, `[a-z]` and `[^a-z]` for one of them, `\` for the
 * character that follows. The whole text has to match. Throws `INVALID_ARGUMENT` for no pattern.
 */
export function matchesGlob(pattern: string): (text: string) => boolean {
  const source = pattern.replaceAll(PART, (part, inside: string | undefined) => {
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    if (inside !== undefined) return classOf(inside, pattern);
    if (part === "[" || part === "\\") throw malformed(pattern);
    return escaped(part.length > 1 ? part.slice(1) : part);
  });
  const expression = compiled(source, pattern);
  return (text) => expression.test(text);
}

const PART = /\\[^]|\[((?:\\[^]|[^\]\\])+)\]|[^]/gu;

function classOf(inside: string, pattern: string): string {
  const negated = inside.startsWith("^");
  const members = inside.slice(negated ? 1 : 0);
  if (members === "") throw malformed(pattern);
  const quoted = members.replaceAll(/\\([^])|[[\]^&|~!]/gu, (part, char: string | undefined) => {
    return escaped(char ?? part);
  });
  return negated ? `[^/${quoted}]` : `[${quoted}]`;
}

function compiled(source: string, pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${source})$`, "su");
  } catch (cause) {
    throw malformed(pattern, cause);
  }
}

function escaped(char: string): string {
  return char.replace(/[\\^$.*+?()[\]{}|/-]/u, "\\$&");
}

function malformed(pattern: string, cause?: unknown): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", `malformed pattern ${JSON.stringify(pattern)}`, {
    cause,
  });
}
