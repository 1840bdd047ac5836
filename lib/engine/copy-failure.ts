/** Why something could not be copied, in words for people. */
import { type ErrorCode, MarmitaError } from "../errors.ts";
import { HelperFailure } from "../native/helper.ts";

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: "NOT_FOUND",
  ENOTDIR: "INVALID_ARGUMENT",
  EISDIR: "INVALID_ARGUMENT",
  ELOOP: "INVALID_ARGUMENT",
  EROFS: "CONFLICT",
  EBADMSG: "CORRUPT",
  ENOTSUP: "UNSUPPORTED",
};

const INSIDE_HINTS: Readonly<Record<string, string>> = {
  EROFS: "Its root or the volume there is read-only: copy to a volume that may be written to.",
  ENOSPC: "The file system of the data root, or of the volume there, is full.",
  EDQUOT: "The disk quota is used up where the data root or the volume lies.",
};

const OUTSIDE_HINTS: Readonly<Record<string, string>> = {
  EROFS: "It is on a read-only file system.",
  ENOSPC: "The file system there is full.",
  EDQUOT: "The disk quota there is used up.",
};

export interface Copying {
  /** `web:/etc/hosts`, or a path of this machine. */
  readonly from: string;
  readonly to: string;
  readonly isInto: boolean;
}

/** Errors that are no failure of the helper are returned as they are. */
export function copyFailure(error: unknown, { from, to, isInto }: Copying): unknown {
  if (!(error instanceof HelperFailure)) return error;
  const { errno } = error;
  const hints = isInto ? INSIDE_HINTS : OUTSIDE_HINTS;
  return new MarmitaError(
    CODES[errno] ?? "UNAVAILABLE",
    `cannot copy ${from} to ${to}: ${error.message}`,
    {
      cause: error,
      step: error.step ?? "copy",
      ...(errno !== "" && { errno }),
      hint: hints[errno],
      details: { from, to },
    },
  );
}
