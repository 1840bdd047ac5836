/** Errno numbers and names, and what they mean in words. */
import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";

/** Of errnos that libuv has no words for, or the wrong ones. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  EBADMSG: "the data is damaged",
  ENOEXEC: "exec format error",
  EDQUOT: "disk quota exceeded",
  ENOTSUP: "not supported",
};

const WORDS = new Map<string, string>([
  ...getSystemErrorMap().values(),
  ...Object.entries(OTHER_WORDS),
]);

const OTHER_NAMES = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
);

/** `2` → `"ENOENT"`; a number this build of Node does not know becomes `"errno 523"`. */
export function errnoName(number: number): string {
  return getSystemErrorMap().get(-number)?.[0] ?? OTHER_NAMES.get(number) ?? `errno ${number}`;
}

/** `"ENOENT"` → `"no such file or directory"`; a name without words stands for itself. */
export function errnoWords(name: string): string {
  return WORDS.get(name) ?? name;
}
