/** Starts marmita-init with the verb `join`: one more process in a container that nobody keeps. */
import { FD_EXTRA, Helper, type Keeper, type StarterOptions } from "./helper.ts";

/** As for a starter; beside what it says, the plan is a descriptor, which stays the caller's, too. */
export interface JoinerOptions extends Omit<StarterOptions, "plan"> {
  readonly plan: number;
}

/**
 * One more process in a container that nobody keeps (native/init/join.c). Events: `created {pid}`,
 * answered by `release`; `released` when its command has begun; with the word `stay` then `exited
 * {exitCode, signal}`. In their place `failed`. Until `released`, and with `stay` to its end, the
 * process dies when this one does.
 */
export function spawnJoiner(options: JoinerOptions): Keeper {
  const { title, plan, words = [], stdin, stdout, stderr, preserved = [], console } = options;
  const given = [...(console === undefined ? [] : [console]), ...preserved];
  return Helper.start("join", {
    isSealed: true,
    title: `marmita: join ${title}`,
    args: [
      `/proc/self/fd/${FD_EXTRA + given.length}`,
      ...words,
      ...(console === undefined ? [] : ["console"]),
    ],
    stdio: [stdin, stdout, stderr],
    extra: [...given, plan], // the last: it is closed when it is read
  });
}
