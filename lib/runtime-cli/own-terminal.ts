/** The terminal of a process, shown at the one we were started from. */
import type { RunningBundleProcess } from "../bundles/options.ts";
import { attach } from "../cli/attach.ts";
import { showOnHost } from "../cli/host-terminal.ts";
import { RawTerminal } from "../native/raw-terminal.ts";

const STDIN = 0;

/**
 * Keys there, and what is shown here; without a terminal of ours what is read is typed, and its end,
 * too. Resolves to the exit code when `exit` has, or to that of SIGPIPE where nobody reads us.
 */
export async function showOwnTerminal(
  running: RunningBundleProcess,
  exit: Promise<{ readonly exitCode: number }>,
): Promise<number> {
  const { terminal } = running;
  const raw = process.stdin.isTTY === true ? new RawTerminal(STDIN) : undefined;
  using _shown = showOnHost(running, raw);
  return await attach(
    {
      stdin: terminal,
      stdout: terminal,
      stderr: undefined,
      wait: () => exit,
      kill: (signal) => running.kill(signal),
    },
    process,
  );
}
