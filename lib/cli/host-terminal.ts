/** The terminal we were started from, while that of a container is shown on it. */
import { type WriteStream, isatty } from "node:tty";
import type { RawTerminal } from "../native/raw-terminal.ts";
import { UsageError } from "./usage.ts";

const STDOUT = 1;
const STDERR = 2;

/** What is needed of a process with a terminal. */
export interface Shown {
  resize(columns: number, rows: number): void;
}

/** A container's terminal takes keys from a terminal only: Docker's words and exit code. */
export function checkInputTerminal(stdin: { readonly isTTY?: boolean }): void {
  if (stdin.isTTY === true) return;
  throw new UsageError(
    "the input device is not a TTY\nUse -i without -t to pass on what a file or a pipe holds.",
    { exitCode: 1, form: "refusal" },
  );
}

/** The size of the first of `streams` that is a terminal and knows it. */
export function sizeOfTerminal(
  streams: readonly Partial<Pick<WriteStream, "isTTY" | "getWindowSize">>[],
): { readonly columns: number; readonly rows: number } | undefined {
  for (const stream of streams) {
    if (stream.isTTY !== true) continue;
    const [columns = 0, rows = 0] = stream.getWindowSize?.() ?? [];
    if (columns > 0 && rows > 0) return { columns, rows };
  }
  return undefined;
}

/** A pipe is not even looked at: as Node's it would block nobody any more, its other users neither. */
export function hostSize(): ReturnType<typeof sizeOfTerminal> {
  return sizeOfTerminal([
    ...(isatty(STDOUT) ? [process.stdout] : []),
    ...(isatty(STDERR) ? [process.stderr] : []),
  ]);
}

/**
 * From here on the container's terminal has the size of ours, and with `raw` gets every key as it
 * is typed: ^C and ^Z too. When we are stopped by a signal, our terminal is its own meanwhile.
 */
export function showOnHost(shown: Shown, raw: RawTerminal | undefined): Disposable {
  const resize = () => {
    const size = hostSize();
    if (size !== undefined) shown.resize(size.columns, size.rows);
  };
  const stop = () => {
    raw?.leave();
    process.kill(process.pid, "SIGSTOP");
  };
  const resume = () => {
    raw?.enter();
    resize();
  };
  process.on("SIGWINCH", resize);
  process.on("SIGCONT", resume);
  if (raw !== undefined) process.on("SIGTSTP", stop);
  raw?.enter();
  resize(); // it may have changed since the start
  return {
    [Symbol.dispose]: () => {
      process.off("SIGWINCH", resize);
      process.off("SIGCONT", resume);
      process.off("SIGTSTP", stop);
      raw?.leave();
    },
  };
}
