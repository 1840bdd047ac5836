/** What paths mean that something is copied from or to: Docker's rules about slashes at their end. */
import { posix } from "node:path";
import { MarmitaError } from "../errors.ts";

export interface CopyPath {
  /** Absolute, without `..`; with a slash at its end where it has to be a directory. */
  readonly path: string;
  /** What is copied from there is called so; `""`: what is in a directory, not the directory. */
  readonly name: string;
}

/** `base` is what a relative path begins at. Throws `INVALID_ARGUMENT` for an empty one. */
export function parseCopyPath(text: string, base = "/"): CopyPath {
  if (text === "") throw new MarmitaError("INVALID_ARGUMENT", "a path cannot be empty");
  const path = posix.resolve(base, text);
  const isContents = path === "/" || /(?:^|\/)\.$/.test(text);
  const isDirectory = /(?:^|\/)\.{0,2}$/.test(text);
  return {
    path: isDirectory && path !== "/" ? `${path}/` : path,
    name: isContents ? "" : posix.basename(path),
  };
}
