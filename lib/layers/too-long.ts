/** A path in a container that is longer than any that we read or write. */
import { MarmitaError } from "../errors.ts";
import { HelperFailure } from "../native/helper.ts";

/** `UNSUPPORTED` where the helper met one; `undefined` for any other error. */
export function tooLong(cause: unknown, step: string): MarmitaError | undefined {
  if (!(cause instanceof HelperFailure) || cause.errno !== "ENAMETOOLONG") return undefined;
  const { message, errno } = cause;
  const hint = "Paths of 4096 bytes or more are not read: move what is in there.";
  return new MarmitaError("UNSUPPORTED", message, { cause, step, errno, hint });
}
