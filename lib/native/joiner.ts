/** Starts marmita-init with the verb `join`: one more process in a container that nobody keeps. */
import { FD_EXTRA, Helper, type Keeper } from "./helper.ts";

export interface JoinerOptions {
  /** What ps(1) shows of it after `marmita: join `. */
  readonly title: string;
  /** A descriptor of the plan. All descriptors stay the caller's. */
  readonly plan: number;
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  /** What the verb `join` is told beside the plan: native/init/join.c has the words. */
  readonly words?: readonly string[];
  /** What the command gets as 3 and on, as many as the plan says. */
  readonly preserved?: readonly number[];
  /** As for a keeper. */
  readonly hostTerminal?: number | undefined;
}

/**
 * One more process in a container that nobody keeps: `created { pid }`, and when it was told
 * `release`, `released` once the command has begun; or `failed`. With the word `stay`, `exited` at
 * its end. Until then it dies with this process.
 */
export function spawnJoiner(options: JoinerOptions): Keeper {
  const { title, plan, stdin, stdout, stderr, words = [], preserved = [], hostTerminal } = options;
  const isShown = hostTerminal !== undefined;
  return Helper.start("join", {
    title: `marmita: join ${title}`,
    args: [`/proc/self/fd/${FD_EXTRA}`, ...words, ...(isShown ? ["host-terminal"] : [])],
    stdio: [stdin, stdout, stderr],
    extra: [plan, ...(isShown ? [hostTerminal] : []), ...preserved],
  });
}
