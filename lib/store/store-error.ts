/** System errors met while storing things, as MarmitaErrors. */
import { type ErrorCode, MarmitaError, isMarmitaError } from "../errors.ts";
import { errnoWords } from "../util/errno.ts";
import { errnoOf } from "../util/system-error.ts";

const CODES: Readonly<Record<string, ErrorCode>> = {
  EBADMSG: "CORRUPT",
  ENOTSUP: "UNSUPPORTED",
};

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "The file system of the data root is full, or out of inodes: remove images or files.",
  EDQUOT: "The disk quota is used up: remove images or files.",
  EROFS: "The data root is on a read-only file system: choose another with MARMITA_ROOT.",
};

/**
 * What to reject with: errors on purpose and aborts as they are, others with `doing` in front.
 * `hints` are for errnos that say more where they come from: they count before ours.
 */
export function storeError(
  error: unknown,
  doing: string,
  hints: Readonly<Record<string, string>> = {},
): unknown {
  if (isMarmitaError(error) || isAbort(error)) return error;
  const errno = errnoOf(error);
  if (errno === undefined && !isHelperFailure(error)) return error;
  const what = textOf(error, "what") ?? doing;
  const step = textOf(error, "step") ?? doing;
  if (errno === undefined) return new MarmitaError("UNAVAILABLE", what, { cause: error, step });
  return new MarmitaError(CODES[errno] ?? "UNAVAILABLE", `${what}: ${errnoWords(errno)}`, {
    cause: error,
    step,
    syscall: textOf(error, "syscall"),
    errno,
    hint: hints[errno] ?? HINTS[errno],
  });
}

/** One without an errno died without a word: it was killed, for want of memory perhaps. */
function isHelperFailure(error: unknown): boolean {
  return error instanceof Error && error.name === "HelperFailure";
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

function textOf(error: unknown, name: string): string | undefined {
  const value: unknown = error instanceof Error ? Reflect.get(error, name) : undefined;
  return typeof value === "string" ? value : undefined;
}
