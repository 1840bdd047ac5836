/** A container made of a bundle, from its beginning to its end. */
import { signalNumber } from "../runtime/signals.ts";
import { abortError, onAbort } from "../util/abort.ts";
import { checkContainerId } from "./container-id.ts";
import { checkRunOptions } from "./create-options.ts";
import { checkTerminal, type Design, design, type Made, make } from "./creation.ts";
import { forgetMade } from "./delete.ts";
import { openMasterChannel, type TerminalMaster } from "./master.ts";
import type { BundleExit, BundleSource, RunBundleOptions } from "./options.ts";
import { collect, NO_STREAMS, stdioOf, terminalStreams } from "./output.ts";
import { startMade } from "./start.ts";
import { type OpenedStdio, openStdio } from "./stdio.ts";

const SIGKILL = 9;

/**
 * `create` and `start`, and wait for its end, whatever the exit code; then it is deleted. It dies with
 * this process. With `detach` it does not, and is neither waited for nor deleted.
 *
 * Throws as `create` and `start` do, and an `AbortError` once what was begun is gone.
 */
export async function runContainer(
  id: string,
  bundle: BundleSource,
  options: RunBundleOptions = {},
): Promise<BundleExit> {
  checkContainerId(id);
  checkRunOptions(options);
  const { detach = false, keep = false, terminalSize } = options;
  const plan = await design(id, bundle, options);
  const hasMaster = checkTerminal(plan, { isForeground: !detach });
  const streams = openStdio(hasMaster ? NO_STREAMS : stdioOf(options));
  const channel = hasMaster ? openMasterChannel() : undefined;
  try {
    const words = detach ? [] : ["stay"];
    const made = await make(plan, { ...streams.fds, words, console: channel?.theirs });
    streams.closeTheirs();
    const master = channel?.receive();
    if (terminalSize !== undefined) master?.resize(terminalSize.columns, terminalSize.rows);
    const exit = await startAndWait(made, plan, { options, streams, master });
    if (!keep && !detach) await forget(made, plan);
    return exit;
  } finally {
    streams.closeTheirs();
    streams.destroy();
    channel?.close();
  }
}

interface RunContext {
  readonly options: RunBundleOptions;
  readonly streams: OpenedStdio;
  readonly master: TerminalMaster | undefined;
}

/** What was made and cannot be started is gone before it rejects. */
async function startAndWait(
  made: Made,
  plan: Design,
  { options, streams, master }: RunContext,
): Promise<BundleExit> {
  const { detach = false, signal, onWarning, onStarted } = options;
  const { starter, record } = made;
  const kill = (name: NodeJS.Signals | number) => starter.send(`signal ${signalNumber(name)}`);
  const unhook = signal && onAbort(signal, () => kill(SIGKILL));
  try {
    await startMade(record, { root: plan.root, signal, onWarning });
    onStarted?.({
      pid: record.init?.pid ?? 0,
      terminal: master?.stream,
      kill,
      resize: (columns, rows) => master?.resize(columns, rows),
    });
    if (detach) return { exitCode: 0, signal: null, truncated: false };
    const ours = master === undefined ? streams : terminalStreams(master, options);
    const ended = starter.exited().finally(() => master?.end());
    const [exit, output] = await Promise.all([ended, collect(ours, options)]);
    await master?.shown();
    if (signal?.aborted === true) throw abortError(signal);
    return { ...exit, ...output };
  } catch (error) {
    await starter.giveUp();
    await forget(made, plan);
    throw error;
  } finally {
    unhook?.();
    master?.stream.destroy();
  }
}

/** Somebody else may have deleted it already, and made another one of its id. */
async function forget({ record }: Made, { root, warn }: Design): Promise<void> {
  await forgetMade(record, { root, onWarning: warn });
}
