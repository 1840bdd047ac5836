/** Where `save` and `export` write: to a file, or to stdout unless that is a terminal. */
import { isatty } from "node:tty";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { interruptible } from "./interruption.ts";
import { OutputUnread } from "./output.ts";

export type Target = string | { readonly fd: number };

/**
 * Resolves to the exit code: 128 and its number for a signal, which leaves no half file behind.
 * Throws `INVALID_ARGUMENT` before `work` begins when the bytes would go to a terminal.
 */
export async function toOutput(
  output: string | undefined,
  work: (target: Target, signal: AbortSignal) => Promise<unknown>,
): Promise<number> {
  if (output === undefined && isatty(1)) {
    throw new MarmitaError(
      "INVALID_ARGUMENT",
      "cowardly refusing to save to a terminal. Use the -o flag or redirect",
    );
  }
  try {
    return await interruptible((signal) => work(output ?? { fd: 1 }, signal));
  } catch (error) {
    const isUnread = output === undefined && isMarmitaError(error) && error.errno === "EPIPE";
    throw isUnread ? new OutputUnread() : error;
  }
}
