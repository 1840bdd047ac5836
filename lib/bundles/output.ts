/** What the streams of a process are, of whom somebody waits for the end, and what comes out of them. */
import { capture, feed, textOf } from "../runtime/capture.ts";
import type { TerminalMaster } from "./master.ts";
import type { BundleExit, CapturedStreams, RunBundleOptions } from "./options.ts";
import type { OpenedStdio, StdioRequest } from "./stdio.ts";

const DEFAULT_MAX_OUTPUT_BYTES = 10 << 20;

/** Of what has a terminal. */
export const NO_STREAMS: StdioRequest = { stdin: "ignore", stdout: "ignore", stderr: "ignore" };

type StreamOptions = CapturedStreams & Pick<RunBundleOptions, "detach" | "onStarted">;

export function stdioOf({
  detach = false,
  stdin,
  stdout,
  stderr,
  input,
}: StreamOptions): StdioRequest {
  const output = detach ? "inherit" : "pipe"; // nobody is there to read a pipe
  return {
    stdin: stdin ?? (input === undefined ? "ignore" : "pipe"),
    stdout: stdout ?? output,
    stderr: stderr ?? output,
  };
}

export type OurStreams = Pick<OpenedStdio, "stdin" | "stdout" | "stderr">;

/** Whoever was told of the terminal has it. */
export function terminalStreams(
  { stream }: TerminalMaster,
  { onStarted }: StreamOptions,
): OurStreams {
  const own = onStarted === undefined ? stream : undefined;
  return { stdin: own, stdout: own, stderr: undefined };
}

/** To their ends. */
export async function collect(
  { stdin, stdout, stderr }: OurStreams,
  { input, maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES }: StreamOptions,
): Promise<Pick<BundleExit, "stdout" | "stderr" | "truncated">> {
  const [output, errors] = await Promise.all([
    capture(stdout, maxOutputBytes),
    capture(stderr, maxOutputBytes),
    feed(stdin, input),
  ]);
  return {
    ...(stdout !== undefined && { stdout: textOf(output) }),
    ...(stderr !== undefined && { stderr: textOf(errors) }),
    truncated: output.truncated || errors.truncated,
  };
}
