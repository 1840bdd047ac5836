/** What we wrote ourselves into the directory of a container, and somebody may have spoilt. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { MarmitaError } from "../errors.ts";
import { errnoOf } from "../util/system-error.ts";

/** A configuration of 8 MiB grows when it is written anew. */
const MAX_BYTES = 64 << 20;

const SPOILT = new Set(["EACCES", "EISDIR", "ELOOP", "ENXIO", "EPERM", "EIO"]);

const ABSENT = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG"]);

/** Whether this says that a file is not what we made there. */
export function isSpoilt(error: unknown): boolean {
  return SPOILT.has(errnoOf(error) ?? "");
}

/** `undefined` where there is none. Throws `CORRUPT` for what is no file that we could read. */
export function readOwnFile(path: string): string | undefined {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW, O_NOCTTY } = constants;
  let fd: number | undefined;
  try {
    fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
    const found = fstatSync(fd);
    if (!found.isFile()) throw spoilt(path, "is not a regular file");
    if (found.size > MAX_BYTES) throw spoilt(path, "is longer than what we write");
    return readFileSync(fd, "utf8");
  } catch (error) {
    if (ABSENT.has(errnoOf(error) ?? "")) return undefined;
    throw isSpoilt(error) ? spoilt(path, "cannot be read", error) : error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** `CORRUPT`, with the way out. */
export function spoilt(path: string, how: string, cause?: unknown): MarmitaError {
  return new MarmitaError("CORRUPT", `${path} ${how}`, {
    hint: "Delete the container by force.",
    errno: errnoOf(cause),
    cause,
    details: { path },
  });
}
