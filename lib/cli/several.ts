/** The same work on several objects: what fails is told, the rest is done. */
import { isMarmitaError } from "../errors.ts";
import { print, printError } from "./output.ts";
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

/** As many as Docker has in hand at once. */
const AT_ONCE = 50;

/**
 * All at once; in the order in which they were named, what `work` resolves to is printed, or what
 * failed is told. Resolves to the exit code.
 */
export async function forAllNamed(
  names: readonly string[],
  work: (name: string) => Promise<string>,
  options: SeveralOptions = {},
): Promise<number> {
  const waiting = names.map((name) => new Turn(() => work(name)));
  let begun = 0;
  const go = async (): Promise<void> => {
    for (let turn = waiting[begun++]; turn !== undefined; turn = waiting[begun++])
      await turn.take();
  };
  const going = Promise.all(Array.from({ length: AT_ONCE }, go));
  const exitCode = await forEachNamed(
    names.map((_, at) => String(at)),
    async (at) => print(`${await waiting[Number(at)]?.outcome}\n`),
    options,
  );
  await going;
  return exitCode;
}

/** Work whose outcome can be waited for before it has begun. */
class Turn {
  readonly outcome: Promise<string>;
  readonly take: () => Promise<unknown>;

  constructor(work: () => Promise<string>) {
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    this.outcome = begun.then(work);
    const over = this.outcome.catch(() => undefined); // told in its turn
    this.take = () => {
      begin();
      return over;
    };
  }
}
