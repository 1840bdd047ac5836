/** One more process in a container that was made of a bundle. */
import { closeSync, readFileSync, readlinkSync } from "node:fs";
import { join, normalize, resolve } from "node:path";
import { isMarmitaError, MarmitaError } from "../errors.ts";
import { HelperFailure } from "../native/helper.ts";
import { spawnJoiner } from "../native/joiner.ts";
import { decodePlan, encodePlan, type Plan } from "../native/plan.ts";
import { memoryFile } from "../native/syscalls.ts";
import { parseRuntimeSpec } from "../oci/parse-runtime-spec.ts";
import type { Process, RuntimeSpec } from "../oci/runtime-spec.ts";
import { permittedCapabilities } from "../runtime/capabilities.ts";
import { bareProcess } from "../runtime/compile-bundle-process.ts";
import { compileJoin } from "../runtime/compile-join.ts";
import { readProc } from "../runtime/processes.ts";
import { ensureFilter } from "../runtime/seccomp/filters.ts";
import { rulesOf } from "../runtime/seccomp/rules.ts";
import { signalNumber } from "../runtime/signals.ts";
import { abortError, onAbort, throwIfAborted } from "../util/abort.ts";
import { seccompPlace } from "./container-directory.ts";
import { checkExecOptions } from "./create-options.ts";
import { checkShown } from "./creation.ts";
import { endProcess } from "./end-process.ts";
import { execProcess } from "./exec-process.ts";
import { hookStatePrefix } from "./hooks.ts";
import { openMasterChannel, type TerminalMaster } from "./master.ts";
import type { BundleExit, ExecBundleOptions, ExecProcessRequest } from "./options.ts";
import { collect, NO_STREAMS, stdioOf, terminalStreams } from "./output.ts";
import { writePidFile } from "./pid-file.ts";
import { identify, type ProcessIdentity } from "./process-identity.ts";
import { Starter } from "./starter.ts";
import { type BundleStatus, type FoundContainer, findContainer } from "./state.ts";
import { type OpenedStdio, openStdio, preservedDescriptors } from "./stdio.ts";

const SIGKILL = 9;

/**
 * Run a process in a container, and wait for its end, whatever the exit code: it dies with this one.
 * With `detach` resolve when it has begun; whoever adopts orphans above us is its parent then.
 *
 * Throws `CONFLICT` for a container that does not run, or is paused; `INVALID_ARGUMENT` and
 * `UNSUPPORTED` with what of the process is meant as `details.field`; `START_FAILED`, with 127, 126 or
 * 125 as `details.exitCode`; and an `AbortError` once what was begun is gone.
 */
export async function execInContainer(
  id: string,
  request: ExecProcessRequest,
  options: ExecBundleOptions = {},
): Promise<BundleExit> {
  const wanted = checkExecOptions(request, options);
  const { preserveFds = 0, listenFds = 0, detach = false, signal } = options;
  throwIfAborted(signal);
  const preserved = preservedDescriptors(preserveFds + listenFds);
  const found = findContainer(id, options);
  const target = targetOf(found, options);
  const spec = parseRuntimeSpec(readFileSync(found.paths.config));
  const asked = execProcess(spec.process, wanted, options);
  const process = possible(asked, target, warningsOf(wanted, options));
  const isShown = checkShown(process, options, { isForeground: !detach });
  throwIfAborted(signal);
  if (spec.linux.seccomp !== undefined) {
    await ensureFilter(seccompPlace(found.root), rulesOf(spec.linux.seccomp));
  }
  const sized = isShown ? withSize(process, options) : process;
  const plan = compile(found, { process: sized, spec, target, options });

  const streams = openStdio(process.terminal === true ? NO_STREAMS : stdioOf(options));
  const channel = isShown ? openMasterChannel() : undefined;
  try {
    const words = detach ? [] : ["stay"];
    const given = { words, preserved, console: channel?.theirs, ...streams.fds };
    const starter = new Starter(spawn(plan, { title: id, ...given }));
    const pid = await release(starter, found, options);
    warnOfGroup(pid, groupOf(found, options), options);
    streams.closeTheirs();
    return await see({ starter, pid, streams, master: channel?.receive() }, options);
  } finally {
    streams.closeTheirs();
    streams.destroy();
    channel?.close();
  }
}

function withSize(process: Process, { terminalSize }: ExecBundleOptions): Process {
  if (terminalSize === undefined) return process;
  const { columns: width, rows: height } = terminalSize;
  return { ...process, consoleSize: { width, height } };
}

/** What waits to be started is still ours, and hidden from whoever would enter its namespaces. */
const HINTS: Partial<Record<BundleStatus, string>> = {
  created: "Start it first.",
  paused: "Resume it first, or give `ignorePaused`.",
};

/** Its first process, where that runs. */
function targetOf(found: FoundContainer, { ignorePaused = false }: ExecBundleOptions) {
  const { state, record } = found;
  const { id, status } = state;
  const isFit = status === "running" || (status === "paused" && ignorePaused);
  if (isFit && record.init !== undefined) return record.init;
  throw new MarmitaError("CONFLICT", `cannot run a process in container ${id}: it is ${status}`, {
    hint: HINTS[status],
    details: { container: id, state: status },
  });
}

/** What the container's own process was warned of is no news. */
function warningsOf(
  request: ExecProcessRequest,
  { onWarning = () => undefined, capabilities = [] }: ExecBundleOptions,
): (text: string) => void {
  return "args" in request || capabilities.length > 0 ? onWarning : () => undefined;
}

/** Without what its user namespace cannot grant; the others' own may have less than there is. */
function possible(
  process: Process,
  { pid }: ProcessIdentity,
  onWarning: (text: string) => void,
): Process {
  return bareProcess(process, onWarning, {
    denySetgroups: deniesSetgroups(pid),
    granted: isOurs(pid) ? permittedCapabilities(readProc("self/status") ?? "") : undefined,
  });
}

function deniesSetgroups(pid: number): boolean {
  return readProc(`${pid}/setgroups`)?.trim() === "deny";
}

function isOurs(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/user`) === readlinkSync("/proc/self/ns/user");
  } catch {
    return false; // it has ended: that is told when it is to be entered
  }
}

interface Request {
  readonly process: Process;
  readonly spec: RuntimeSpec;
  readonly target: ProcessIdentity;
  readonly options: ExecBundleOptions;
}

function compile(found: FoundContainer, { process, spec, target, options }: Request): Plan {
  const { record, state, paths } = found;
  const { consoleSocket, preserveFds = 0, listenFds = 0 } = options;
  const { environment, count } = listeners(process, listenFds);
  return compileJoin({ ...process, env: environment }, spec, {
    id: record.id,
    target,
    consoleSocket: consoleSocket === undefined ? undefined : resolve(consoleSocket),
    preserveFds: preserveFds + count,
    noNewKeyring: !hasKeyring(paths.plan),
    filters: record.filters,
    cgroupDirectory: groupOf(found, options),
    keepsGroups: deniesSetgroups(target.pid),
    state: hookStatePrefix(state),
  });
}

/** LISTEN_PID is the process's own number, which is written inside. */
function listeners({ env = [] }: Process, count: number) {
  if (count === 0) return { environment: env, count };
  return { environment: [...env, `LISTEN_FDS=${count}`], count };
}

/** Whether its first process has a session keyring of its own: all others have that, too. */
function hasKeyring(plan: string): boolean {
  return decodePlan(readFileSync(plan)).some(([name]) => name === "keyring");
}

/** The container's, or one below it. Throws `INVALID_ARGUMENT` for what is none. */
function groupOf(
  { record: { cgroup } }: FoundContainer,
  { cgroup: below = "" }: ExecBundleOptions,
): string | undefined {
  if (below === "") return cgroup?.directory;
  const path = normalize(`/${below}`);
  if (cgroup?.directory !== undefined && !below.includes(":")) return join(cgroup.directory, path);
  throw new MarmitaError(
    "INVALID_ARGUMENT",
    below.includes(":")
      ? `control groups of version 1 are not supported: ${below}`
      : `the container has no control group of its own that ${below} could be in`,
    { details: { option: "cgroup" } },
  );
}

/** The plan is for this process alone: it is no file. */
function spawn(plan: Plan, given: Omit<Parameters<typeof spawnJoiner>[0], "plan">) {
  const file = memoryFile(encodePlan(plan));
  try {
    return spawnJoiner({ ...given, plan: file });
  } finally {
    closeSync(file);
  }
}

/** Until it has begun; its number. */
async function release(
  starter: Starter,
  found: FoundContainer,
  { pidFile, signal }: ExecBundleOptions,
): Promise<number> {
  let known = 0;
  let begun: ProcessIdentity | undefined;
  const tasks = {
    onCgroup: nothing,
    onPid: (pid: number) => (begun = identify(pid)),
    onHooks: nothing,
    onCreated: async (pid: number) => {
      known = pid;
      if (pidFile !== undefined) await writePidFile(resolve(pidFile), pid);
    },
  };
  try {
    await starter.release(tasks, signal);
  } catch (error) {
    if (begun !== undefined) await endProcess(begun); // it may have been let go of at the very last
    throw isGone(error) ? ended(found, error) : error;
  }
  return known;
}

async function nothing(): Promise<void> {}

/** From a session from which nobody may move there it goes in without (cgroups(7)). */
function warnOfGroup(
  pid: number,
  directory: string | undefined,
  { onWarning }: ExecBundleOptions,
): void {
  const group = /^0::(.*)$/m.exec(readProc(`${pid}/cgroup`) ?? "")?.[1];
  if (directory === undefined || group === undefined || directory.endsWith(group)) return;
  onWarning?.(
    "the process is not in the container's control group: this session may not move it there",
  );
}

/** The container's process is none any more, or its namespaces are on their way. */
function isGone(error: unknown): boolean {
  if (!isMarmitaError(error, "START_FAILED")) return false;
  const { cause } = error;
  return cause instanceof HelperFailure && cause.step === "join" && cause.errno === "ESRCH";
}

function ended({ state: { id } }: FoundContainer, cause: unknown): MarmitaError {
  return new MarmitaError("CONFLICT", `cannot run a process in container ${id}: it has ended`, {
    cause,
    details: { container: id, state: "stopped" },
  });
}

interface Begun {
  readonly starter: Starter;
  readonly pid: number;
  readonly streams: OpenedStdio;
  readonly master: TerminalMaster | undefined;
}

/** To its end. */
async function see(
  { starter, pid, streams, master }: Begun,
  options: ExecBundleOptions,
): Promise<BundleExit> {
  const { detach = false, signal, onStarted } = options;
  const kill = (name: NodeJS.Signals | number) => starter.send(`signal ${signalNumber(name)}`);
  const unhook = signal && onAbort(signal, () => kill(SIGKILL));
  try {
    const resize = (columns: number, rows: number) => master?.resize(columns, rows);
    onStarted?.({ pid, terminal: master?.stream, kill, resize });
    if (detach) {
      await starter.gone();
      return { exitCode: 0, signal: null, truncated: false };
    }
    const ours = master === undefined ? streams : terminalStreams(master, options);
    const ended = starter.exited().finally(() => master?.end());
    const [exit, output] = await Promise.all([ended, collect(ours, options)]);
    await master?.shown();
    if (signal?.aborted === true) throw abortError(signal);
    return { ...exit, ...output };
  } finally {
    await starter.giveUp();
    unhook?.();
    master?.stream.destroy();
  }
}
