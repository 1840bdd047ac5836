/** The same work on several objects: what fails is told, the rest is done. */
import { isMarmitaError } from "../errors.ts";
import { printError } from "./output.ts";
import { formatError, isDebugging } from "./report.ts";

export interface SeveralOptions {
  /** With `--force` an object that is not there is told, but no failure. */
  readonly allowMissing?: boolean;
}

/** One after another; resolves to the exit code: 1 when one or more failed. */
export async function forEachNamed(
  names: readonly string[],
  work: (name: string) => Promise<void>,
  options: SeveralOptions = {},
): Promise<number> {
  let exitCode = 0;
  for (const name of names) {
    try {
      await work(name);
    } catch (error) {
      if (!isMarmitaError(error)) throw error;
      printError(formatError(error, isDebugging()));
      if (options.allowMissing !== true || error.code !== "NOT_FOUND") exitCode = 1;
    }
  }
  return exitCode;
}
