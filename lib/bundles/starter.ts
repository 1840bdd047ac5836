/** The conversation with `marmita-init create`, which makes a container up to where it waits. */
import { MarmitaError } from "../errors.ts";
import { type HelperEvent, HelperFailure, type Keeper } from "../native/helper.ts";
import { hintFor } from "../runtime/hints.ts";
import type { ExitStatus } from "../runtime/process.ts";
import { signalName } from "../runtime/signals.ts";
import { abortError, onAbort } from "../util/abort.ts";

/** What is done between its words. */
export interface StarterTasks {
  /** The first process is there, and waits for a control group to be put into. */
  readonly onCgroup: (pid: number) => Promise<void>;
  /** It is in its namespaces, not yet in its root. */
  readonly onHooks: (pid: number) => Promise<void>;
  /** All is done but to execute the command. */
  readonly onCreated: (pid: number) => Promise<void>;
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
    const unhook = signal && onAbort(signal, () => this.#process.forget());
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
    for (;;) {
      const next = await this.#events.next();
      if (next.done === true) throw died();
      const event = next.value;
      const pid = numberOf(event, "pid");
      if (event.event === "failed") throw startFailed(event);
      if (event.event === "released") return;
      if (event.event === "cgroup") {
        await tasks.onCgroup(pid);
        this.#process.send("go");
      } else if (event.event === "hooks") {
        await tasks.onHooks(pid);
        this.#process.send("go");
      } else if (event.event === "created") {
        await tasks.onCreated(pid);
        this.#process.send("release");
      }
    }
  }

  /** Its end is that of what it has made, unless it has let go of it: resolves when all is gone. */
  async giveUp(): Promise<void> {
    this.#process.forget();
    await this.#process.ended;
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
  // No file is missing, but a line in /etc/passwd or /etc/group.
  const isUnknownUser = step === "user" && errno === "ENOENT";
  const message = isUnknownUser ? `${failure.what}: there is none` : failure.message;
  return new MarmitaError("START_FAILED", message, {
    step,
    errno: errno === "" ? undefined : errno,
    hint: hintFor(failure),
    cause: failure,
    details: { exitCode },
  });
}

function numberOf(event: HelperEvent, name: string): number {
  const value = event[name];
  return typeof value === "number" ? value : 0;
}
