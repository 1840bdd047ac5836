/** A process in the foreground: signals go to it, and its terminal, where it has one, is shown. */
import type { BundleExit, RunningBundleProcess } from "../bundles/options.ts";
import { hostSize } from "../cli/host-terminal.ts";
import { PassedSignals } from "./passed-signals.ts";

/** What `run` and `exec` of the library are to be given. */
export interface ForegroundOptions {
  readonly stdin: "inherit";
  readonly stdout: "inherit";
  readonly stderr: "inherit";
  readonly terminalSize: { readonly columns: number; readonly rows: number } | undefined;
  readonly signal: AbortSignal;
  readonly onStarted: (process: RunningBundleProcess) => void;
}

/** Resolves to the exit code. */
export async function inForeground(
  start: (options: ForegroundOptions) => Promise<BundleExit>,
): Promise<number> {
  using signals = new PassedSignals();
  let shown: Promise<number> | undefined;
  const show = (running: RunningBundleProcess) => {
    signals.to(running);
    if (running.terminal === undefined) return;
    shown = showTerminal(running, exit);
    shown.catch(() => undefined); // told when the process has ended
  };
  const exit = start({
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
    terminalSize: hostSize(),
    signal: signals.early,
    onStarted: show,
  });
  try {
    const { exitCode } = await exit;
    return (await shown) ?? exitCode;
  } catch (error) {
    return signals.exitCode(error);
  }
}

/** Few have one. */
async function showTerminal(
  running: RunningBundleProcess,
  exit: Promise<BundleExit>,
): Promise<number> {
  const { showOwnTerminal } = await import("./own-terminal.ts");
  return showOwnTerminal(running, exit);
}
