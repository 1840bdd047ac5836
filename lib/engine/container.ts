/** One container: what it is, what state it is in, and what can be done with it. */
import type { CopiedFiles } from "../layers/copy.ts";
import type { ExecProcess } from "../runtime/exec.ts";
import type { RunningProcess } from "../runtime/process.ts";
import type { AttachOptions } from "./attach.ts";
import type { AttachedProcess } from "./attached-process.ts";
import {
  checkAttachOptions,
  checkCopyOptions,
  checkForkAndStart,
  checkForkOptions,
  checkInspectOptions,
  checkLogsOptions,
  checkRemoveOptions,
  checkStartOptions,
  checkText,
} from "./checks.ts";
import { stateOf } from "./container-state.ts";
import type { EngineContext } from "./context.ts";
import type { CopiedOut, CopyOptions, CopySource, CopyTarget } from "./copy-options.ts";
import type { ExecOptions, ExecResult, ExecSettings, StartExecOptions } from "./exec-options.ts";
import { explained } from "./failures.ts";
import type { ForkOptions } from "./fork-options.ts";
import { type ContainerInspection, type InspectOptions, inspectContainer } from "./inspect.ts";
import {
  checkContainerName,
  checkKillOptions,
  checkRenameOptions,
  checkSignalName,
  checkStopOptions,
  checkWaitOptions,
} from "./lifecycle-checks.ts";
import type {
  KillOptions,
  SignalName,
  StopOptions,
  WaitOptions,
  WaitResult,
} from "./lifecycle-options.ts";
import type { LogEntry, LogsOptions } from "./log-entries.ts";
import type { LogLine } from "./log-lines.ts";
import type { Isolation, StartOptions } from "./options.ts";
import { logEntries, logLines } from "./read-log.ts";
import type { ContainerRecord } from "./records.ts";
import { type RemoveOptions, removeContainer } from "./remove.ts";
import { startContainer } from "./start.ts";
import type { RenameOptions } from "./rename.ts";
import type { ContainerState } from "./state.ts";
import type { Subject } from "./subject.ts";
import { LayeredContainer } from "./layered-container.ts";

export interface StartedContainer {
  readonly container: Container;
  readonly process: RunningProcess;
  /** What was reached. */
  readonly isolation: Isolation;
}

export class Container extends LayeredContainer implements AsyncDisposable {
  readonly #context: EngineContext;
  #record: ContainerRecord;
  #started: RunningProcess | undefined;

  constructor(context: EngineContext, record: ContainerRecord, started?: RunningProcess) {
    super(context);
    this.#context = context;
    this.#record = record;
    this.#started = started;
  }

  /** As it was made, but for its name: that is the last one that is known here. */
  override get record(): ContainerRecord {
    return this.#record;
  }

  /** 64 hexadecimal digits. */
  get id(): string {
    return this.record.id;
  }

  get name(): string {
    return this.record.name;
  }

  /** Throws `NOT_FOUND` when it was removed. */
  async state(): Promise<ContainerState> {
    return explained("look at the container", stateOf(this.#context, this.record));
  }

  /**
   * Start its process, for the first time or again: what it wrote before is still there. The
   * process belongs to this Node process, and dies with it, unless `detach` is asked for. Throws
   * `START_FAILED`, `CONFLICT` when it runs, `NOT_FOUND` when it was removed.
   */
  async start(options: StartOptions = {}): Promise<RunningProcess> {
    checkStartOptions(options);
    const starting = this.#context.work.begin(() => {
      return startContainer(this.#context, this.record, options);
    });
    this.#started = await explained("start the container", starting, options.signal);
    return this.#started;
  }

  /**
   * Run one more command in it, while it runs, and resolve when that has ended, whatever the exit
   * code; what it leaves behind goes on. Throws `CONFLICT` unless the container runs,
   * `START_FAILED` with `details.exitCode` 127 (no such command) or 126 (anything else).
   */
  async exec(
    command: readonly string[],
    options: ExecOptions & { readonly encoding: "buffer" },
  ): Promise<ExecResult<Buffer>>;
  async exec(command: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  async exec(
    command: readonly string[],
    options: ExecOptions = {},
  ): Promise<ExecResult | ExecResult<Buffer>> {
    const { checkExec, execToEnd } = await import("./exec.ts");
    checkExec(command, options);
    const executing = execToEnd(this.#context, this, { command, options });
    return explained("run a command in the container", executing, options.signal);
  }

  /**
   * The same, resolved when the command has begun: with its streams, its signals and its end. It
   * belongs to this Node process, and dies with it.
   */
  async startExec(
    command: readonly string[],
    options: StartExecOptions = {},
  ): Promise<ExecProcess> {
    const { checkStartExec, startExec } = await import("./exec.ts");
    checkStartExec(command, options);
    const starting = this.#context.work.begin(() => {
      return startExec(this.#context, this, { command, options });
    });
    return explained("run a command in the container", starting, options.signal);
  }

  /** The same, without streams and without an end that anybody is told: it outlives this process. */
  async execDetached(command: readonly string[], options: ExecSettings = {}): Promise<void> {
    const { checkStartExec, startExec } = await import("./exec.ts");
    checkStartExec(command, options);
    const starting = this.#context.work.begin(() => {
      return startExec(this.#context, this, { command, options, detach: true });
    });
    await explained("run a command in the container", starting);
  }

  /**
   * Attach to its process, whoever started it: what it writes from now on, its stdin where that is
   * open, its end, signals to it. Any number may. It does not belong to this process: disposing of
   * what is resolved to leaves it. Throws `CONFLICT` when it does not run or is paused, `NOT_FOUND`,
   * and `UNSUPPORTED` when its streams go to the process that started it directly.
   */
  async attach(options: AttachOptions = {}): Promise<AttachedProcess> {
    checkAttachOptions(options);
    const attaching = this.#context.work.begin(async () => {
      const { attachContainer } = await import("./attach.ts");
      return attachContainer(this.#subject(), options);
    });
    return explained("attach to the container", attaching, options.signal);
  }

  #subject(): Subject {
    return { context: this.#context, record: this.record, state: () => this.state() };
  }

  /** What `docker inspect` prints of a container. */
  async inspect(options: InspectOptions = {}): Promise<ContainerInspection> {
    checkInspectOptions(options);
    const inspecting = this.#context.work.begin(() => {
      return inspectContainer(this.#context, this, options);
    });
    return explained("inspect the container", inspecting);
  }

  /**
   * What it wrote to stdout and stderr, line by line, in that order, from all its starts: what its
   * log has kept of it. Nothing is read before it is asked for. With `follow` it ends when the
   * container has ended for good. Throws `UNSUPPORTED` for one without a log.
   */
  logs(options: LogsOptions = {}): AsyncIterable<LogEntry> {
    checkLogsOptions(options);
    return logEntries(this.#subject(), options);
  }

  /** @internal The same as it lies in the file, many lines at a time. */
  logLines(options: LogsOptions = {}): AsyncIterable<readonly LogLine[]> {
    checkLogsOptions(options);
    return logLines(this.#subject(), options);
  }

  /**
   * Copy a file or a directory of this machine to `path`, or unpack a tar, plain or packed, into the
   * directory there; running or not, volumes and binds included. As `docker cp`: into a directory
   * that is there it goes by its own name, or its contents alone where the source ends with `/.`;
   * else it becomes `path`, in a directory that is there. What is there is replaced, directories
   * are merged. When it fails or is aborted, what was copied by then stays, and no half file.
   *
   * Throws `NOT_FOUND` for the source, or the target's directory; `INVALID_ARGUMENT` for a directory
   * over a file, or a file over a directory; `CONFLICT` where the target is read-only.
   */
  async copyInto(
    path: string,
    source: CopySource,
    options: CopyOptions = {},
  ): Promise<CopiedFiles> {
    checkText(path, "path");
    if (typeof source === "string") checkText(source, "source");
    checkCopyOptions(options);
    const copying = this.#context.work.begin(async () => {
      const { copyInto } = await import("./cp.ts");
      return copyInto(this.#context, this.record, { path, place: source, options });
    });
    return explained("copy into the container", copying, options.signal);
  }

  /**
   * The other way: to a path of this machine, by the same rules, or as a tar to a stream or a
   * descriptor. Throws as copyInto() does.
   */
  async copyOut(path: string, target: string, options?: CopyOptions): Promise<CopiedFiles>;
  async copyOut(path: string, target: CopyTarget, options?: CopyOptions): Promise<CopiedOut>;
  async copyOut(
    path: string,
    target: CopyTarget,
    options: CopyOptions = {},
  ): Promise<CopiedFiles | CopiedOut> {
    checkText(path, "path");
    if (typeof target === "string") checkText(target, "target");
    checkCopyOptions(options);
    const copying = this.#context.work.begin(async () => {
      const { copyOut } = await import("./cp.ts");
      return copyOut(this.#context, this.record, { path, place: target, options });
    });
    return explained("copy out of the container", copying, options.signal);
  }

  /**
   * A new container, not started, over what this one has written: nothing is copied of one that
   * stands still, while one that runs is paused. It has all that this one was made with but its name,
   * and an anonymous volume of its own for each there. Throws as `create` does, `NOT_FOUND` when it
   * was removed, `UNSUPPORTED` where other ids are in use than when it was made.
   */
  async fork(options: ForkOptions = {}): Promise<Container> {
    checkForkOptions(options);
    const forking = this.#context.work.begin(async () => {
      const { forkContainer } = await import("./fork.ts");
      const request = { options, purpose: "create" } as const;
      const { record, live } = await forkContainer(this.#context, this.record, request);
      live.finish();
      return record;
    });
    const record = await explained("fork the container", forking, options.signal);
    return new Container(this.#context, record);
  }

  /**
   * The same, and started, as one: whatever dies in between, a fork with `remove` is not left behind.
   * `signal` of `start` ends both. Throws as `fork` and `start` do.
   */
  async forkAndStart(
    options: Omit<ForkOptions, "signal"> = {},
    start: StartOptions = {},
  ): Promise<StartedContainer> {
    checkForkAndStart(options, start);
    const starting = this.#context.work.begin(async () => {
      const { forkAndStart } = await import("./fork-start.ts");
      return forkAndStart(this.#context, this.record, { options, start });
    });
    const forked = await explained("start the fork", starting, start.signal);
    const { record, process, isolation } = forked;
    return { container: new Container(this.#context, record, process), process, isolation };
  }

  /**
   * Ask its process to end, and kill it when it does not in time; its restart policy does not start
   * it again. Resolves when it does not run; nothing happens when it did not.
   */
  async stop(options: StopOptions = {}): Promise<void> {
    checkStopOptions(options);
    const stopping = this.#context.work.begin(async () => {
      const { stopContainer } = await import("./stop.ts");
      return stopContainer(this.#context, this.record, options);
    });
    await explained("stop the container", stopping, options.signal);
  }

  /**
   * Send a signal to its first process: a name with or without `SIG`, or a number. With SIGKILL it
   * resolves when it has ended. Throws `CONFLICT` when it does not run.
   */
  async kill(name: SignalName = "SIGKILL", options: KillOptions = {}): Promise<void> {
    checkSignalName(name);
    checkKillOptions(options);
    const killing = this.#context.work.begin(async () => {
      const { killContainer } = await import("./kill.ts");
      return killContainer(this.#context, this.record, { ...options, name });
    });
    await explained("send a signal to the container", killing, options.signal);
  }

  /**
   * End its process as `stop` does, and start it anew: whoever is attached stays so, and it belongs
   * to whom it belonged to. One that does not run is started, detached. Throws `START_FAILED`.
   */
  async restart(options: StopOptions = {}): Promise<void> {
    checkStopOptions(options);
    const restarting = this.#context.work.begin(async () => {
      const { restartContainer } = await import("./restart.ts");
      return restartContainer(this.#context, this.record, options);
    });
    await explained("restart the container", restarting, options.signal);
  }

  /**
   * Resolves to how its process ended: at once when it does not run, unless another condition is
   * asked for. Whoever started it does not matter.
   */
  async wait(options: WaitOptions = {}): Promise<WaitResult> {
    checkWaitOptions(options);
    const { waitFor } = await import("./wait.ts");
    return explained(
      "wait for the container",
      waitFor(this.#context, this.record, options),
      options.signal,
    );
  }

  /**
   * Give it another name, running or not. Throws `ALREADY_EXISTS` when that is another container's,
   * `INVALID_ARGUMENT` when it is none, or its own, `NOT_FOUND` when the container was removed.
   */
  async rename(name: string, options: RenameOptions = {}): Promise<void> {
    checkContainerName(name);
    checkRenameOptions(options);
    const renaming = this.#context.work.begin(async () => {
      const { renameContainer } = await import("./rename.ts");
      return renameContainer(this.#context, this.record, { ...options, name });
    });
    this.#record = await explained("rename the container", renaming, options.signal);
  }

  /** With its files and its name. Throws `CONFLICT` when it runs, unless `force` kills it. */
  async remove(options: RemoveOptions = {}): Promise<void> {
    checkRemoveOptions(options);
    const removing = this.#context.work.begin(() => {
      return removeContainer(this.#context, this.record, options);
    });
    await explained("remove the container", removing, options.signal);
  }

  /**
   * Ends the process that was started here; with `remove`, the container goes too. Where that was
   * detached, both stay.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const isDetached = this.#started?.isDetached === true;
    await this.#started?.[Symbol.asyncDispose]();
    if (this.record.remove && !isDetached) await this.remove({ force: true });
  }
}
