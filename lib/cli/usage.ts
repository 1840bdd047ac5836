/** What a person typed that cannot be done: said with the command's usage, or refused by name. */

/** Docker's exit code for flags it does not take, and for a `run` that fails by itself. */
export const EXIT_OWN_FAILURE = 125;

/** `usage` is followed by the command's usage line; `refusal` names what is not there yet. */
export type UsageForm = "usage" | "refusal";

export interface UsageErrorOptions {
  /** A sentence on what may have been meant. */
  readonly hint?: string | undefined;
  /** Default: 125, what Docker gives for every flag it cannot take. */
  readonly exitCode?: number;
  readonly form?: UsageForm;
}

/** Thrown by what reads the command line, printed by `report.ts` in the name of the command. */
export class UsageError extends Error {
  readonly exitCode: number;
  readonly form: UsageForm;
  readonly hint: string | undefined;

  constructor(message: string, options: UsageErrorOptions = {}) {
    super(message);
    this.exitCode = options.exitCode ?? EXIT_OWN_FAILURE;
    this.form = options.form ?? "usage";
    this.hint = options.hint;
  }
}

/** `--memory` is Docker's, and not ours yet: better refused than ignored. */
export function notSupported(what: string): UsageError {
  return new UsageError(`${what} is not supported yet`, { form: "refusal" });
}
