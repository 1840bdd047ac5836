/** The conversation with `marmita-init create`, which makes a container up to where it waits. */
import { MarmitaError } from "../errors.ts";
import { type HelperEvent, HelperFailure, type Keeper } from "../native/helper.ts";
import { hintFor } from "../runtime/hints.ts";
import type { ExitStatus } from "../runtime/process.ts";
import { signalName } from "../runtime/signals.ts";
import { abortError, onAbort } from "../util/abort.ts";

/** What is done between its words; each is given up when the starter has ended. */
export interface StarterTasks {
  /** Called before each of them. */
  readonly onPid: (pid: number) => void;
  /** The first process is there, and waits for a control group to be put into. */
  readonly onCgroup: (pid: number, signal: AbortSignal) => Promise<void>;
  /** It is in its namespaces, not yet in its root. */
  readonly onHooks: (pid: number, signal: AbortSignal) => Promise<void>;
  /** All is done but to execute the command. */
  readonly onCreated: (pid: number, signal: AbortSignal) => Promise<void>;
}

/** One that makes a container, or stays as its parent. */
export class Starter {
  readonly #process: Keeper;
  readonly #events: AsyncIterator<HelperEvent>;

  constructor(process: Keeper) {
    this.#process = process;
    this.#events = process.events[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /**
   * Until the container waits for its start without us. Rejects when there is none: with
   * `START_FAILED`, with what a task rejects with, or with an `AbortError`.
   */
  async release(tasks: StarterTasks, signal: AbortSignal | undefined): Promise<void> {
    const unhook = signal && onAbort(signal, () => void this.giveUp());
    try {
      await this.#converse(tasks);
    } catch (error) {
      await this.giveUp();
      throw signal?.aborted === true ? abortError(signal) : error;
    } finally {
      unhook?.();
    }
  }

  async #converse(tasks: StarterTasks): Promise<void> {
    const ended = new AbortController();
    void this.#process.ended.then(() => ended.abort());
    for (;;) {
      const event = await this.#next();
      if (event.event === "released") return;
      const answer = ANSWERS[event.event];
      if (answer === undefined) continue;
      const pid = numberOf(event, "pid");
      tasks.onPid(pid);
      try {
        await tasks[answer.task](pid, ended.signal);
      } catch (error) {
        if (!ended.signal.aborted) throw error;
        continue; // it tells why it ended, or nothing more
      }
      this.#process.send(answer.order);
    }
  }

  async #next(): Promise<HelperEvent> {
    const next = await this.#events.next();
    if (next.done === true) throw died();
    if (next.value.event === "failed") throw startFailed(next.value);
    return next.value;
  }

  /**
   * Its end is that of what it has made, unless it has let go of it: resolves when all is gone. One that
   * waits for what never comes, as for a socket that nobody accepts, is killed.
   */
  async giveUp(): Promise<void> {
    this.#process.forget();
    const kill = () => process.kill(this.pid, "SIGKILL"); // its own number until it is reaped
    const timer = setTimeout(kill, LONGEST_END_MS);
    try {
      await this.#process.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  /** One that does not stay ends by itself. */
  async gone(): Promise<void> {
    await this.#process.ended;
  }

  send(line: string): void {
    this.#process.send(line);
  }

  /** Of one that stays: how the container's first process has ended. */
  async exited(): Promise<ExitStatus> {
    let status: ExitStatus = { exitCode: 137, signal: "SIGKILL" }; // it was killed, and its child with it
    for (;;) {
      const next = await this.#events.next();
      if (next.done === true) return status;
      const event = next.value;
      if (event.event !== "exited") continue;
      status = {
        exitCode: numberOf(event, "exitCode"),
        signal: signalName(numberOf(event, "signal")),
      };
    }
  }
}

/** It ends what it has made, and itself, in a few. */
const LONGEST_END_MS = 2_000;

const ANSWERS: Readonly<
  Record<string, { readonly task: Exclude<keyof StarterTasks, "onPid">; readonly order: string }>
> = {
  cgroup: { task: "onCgroup", order: "go" },
  hooks: { task: "onHooks", order: "go" },
  created: { task: "onCreated", order: "release" },
};

function died(): MarmitaError {
  return new MarmitaError("START_FAILED", "the process that makes the container died", {
    step: "starter",
    details: { exitCode: 125 },
  });
}

/** Of the event `failed`, whoever told it. */
export function startFailed(event: HelperEvent): MarmitaError {
  const failure = new HelperFailure(event);
  const { step, errno, exitCode = 125 } = failure;
  return new MarmitaError("START_FAILED", messageOf(failure), {
    step,
    errno: errno === "" ? undefined : errno,
    hint: hintFor(failure),
    cause: failure,
    details: { exitCode },
  });
}

/** In the words by which engines tell failures apart. */
function messageOf({ step, errno, what, message }: HelperFailure): string {
  // No file is missing, but a line in /etc/passwd or /etc/group.
  if (step === "user" && errno === "ENOENT") return `${what}: there is none`;
  if (step === "exec" && errno === "EISDIR") return `${what}: is a directory: permission denied`;
  // Nobody canceled it: its own words say how it ended.
  if (step === "hook" && errno === "ECANCELED") return what;
  return message;
}

function numberOf(event: HelperEvent, name: string): number {
  const value = event[name];
  return typeof value === "number" ? value : 0;
}
