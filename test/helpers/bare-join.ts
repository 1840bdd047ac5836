/** Further processes in bare containers by plans made by hand: what the verb `join` does. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { identify } from "../../lib/bundles/process-identity.ts";
import type { HelperEvent, Keeper } from "../../lib/native/helper.ts";
import { spawnJoiner } from "../../lib/native/joiner.ts";
import { encodePlan, type Plan } from "../../lib/native/plan.ts";
import { memoryFile } from "../../lib/native/syscalls.ts";
import { temporaryFolder } from "./folder.ts";

export interface JoinOptions {
  readonly command: readonly string[];
  readonly environment?: readonly string[];
  /** What comes before the command. */
  readonly before?: Plan;
  readonly words?: readonly string[];
  readonly preserved?: readonly number[];
  readonly console?: number;
  /** In the place of its own. */
  readonly startTicks?: number;
}

/** One that has its joiner; what it writes goes to a file. */
export class Joined {
  readonly output: string;
  readonly joiner: Keeper;
  readonly #events: AsyncIterator<HelperEvent>;

  constructor(output: string, joiner: Keeper) {
    this.output = output;
    this.joiner = joiner;
    this.#events = joiner.events[Symbol.asyncIterator]();
  }

  /** The next event; throws with the failure if it is one, and at their end. */
  async expect(name: string): Promise<HelperEvent> {
    const { value, done } = await this.#events.next();
    const event = done === true ? { event: "end" } : value;
    if (event.event !== name) throw new Error(`not ${name}: ${JSON.stringify(event)}`);
    return event;
  }

  /** From `created` to `released`; the process's pid. */
  async release(): Promise<number> {
    const { pid } = await this.expect("created");
    this.joiner.send("release");
    await this.expect("released");
    return Number(pid);
  }
}

/** Only to its first event. */
export async function begin(pid: number, options: JoinOptions): Promise<Joined> {
  const { command, environment = ["PATH=/bin"], before = [], words, preserved, console } = options;
  const identity = identify(pid);
  if (identity === undefined) throw new Error(`no process ${pid}`);
  const { startTicks = identity.startTicks } = options;
  const plan = memoryFile(
    encodePlan([
      ["target", pid, startTicks, identity.bootId],
      ["preserve-fds", preserved?.length ?? 0],
      ...before,
      ["environment", environment],
      ["command", command],
    ]),
  );
  const output = join(await temporaryFolder(), "output");
  const written = openSync(output, "a");
  try {
    const stdio = { stdin: -1, stdout: written, stderr: written };
    return new Joined(
      output,
      spawnJoiner({ title: "test", plan, words, preserved, console, ...stdio }),
    );
  } finally {
    closeSync(written);
    closeSync(plan);
  }
}

/** To its end. */
export async function joined(
  pid: number,
  options: JoinOptions,
): Promise<{ readonly output: string; readonly exited: HelperEvent }> {
  const one = await begin(pid, { ...options, words: ["stay"] });
  await one.release();
  const exited = await one.expect("exited");
  await one.joiner.ended;
  return { output: readFileSync(one.output, "utf8"), exited };
}
