/** Errno numbers and names, and what they mean in words. */
import { getSystemErrorMap } from "node:util";

const WORDS = new Map<string, string>([...getSystemErrorMap().values()]);

/** `2` → `"ENOENT"`; a number this build of Node does not know becomes `"errno 523"`. */
export function errnoName(number: number): string {
  return getSystemErrorMap().get(-number)?.[0] ?? `errno ${number}`;
}

/** `"ENOENT"` → `"no such file or directory"`; a name without words stands for itself. */
export function errnoWords(name: string): string {
  return WORDS.get(name) ?? name;
}
