/** The streams of a process that is to start: what its keeper gets, and our ends of it. */
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import type { Duplex, Readable, Writable } from "node:stream";
import { pipe } from "../native/syscalls.ts";
import { openTerminal } from "./terminal-stream.ts";

export type StdioOption = "pipe" | "inherit" | "ignore";

export interface StreamRequest {
  readonly stdin: StdioOption;
  readonly stdout: StdioOption;
  readonly stderr: StdioOption;
  /** Then none is "inherit". */
  readonly hasTerminal: boolean;
}

/** Our ends; `undefined` for what is no pipe. */
export interface Streams {
  readonly stdin?: Writable | undefined;
  readonly stdout?: Readable | undefined;
  readonly stderr?: Readable | undefined;
  readonly terminal?: Duplex | undefined;
}

/** The streams of a process that is to start. */
export interface Opened {
  /** What the keeper gets. */
  readonly fds: { readonly stdin: number; readonly stdout: number; readonly stderr: number };
  /** Those of them that are to be closed here once it has them. */
  readonly theirs: readonly number[];
  readonly streams: Streams;
}

export function openStreams({ stdin, stdout, stderr, hasTerminal }: StreamRequest): Opened {
  if (hasTerminal) return openTerminalStreams({ stdin, stdout });
  const ends = openEnds(stdin, stdout, stderr);
  const [input, output, errors] = ends;
  return {
    fds: { stdin: input.fd, stdout: output.fd, stderr: errors.fd },
    theirs: theirsOf(ends),
    streams: { stdin: input.stream, stdout: output.stream, stderr: errors.stream },
  };
}

/** One stream for all; where nobody is to read it, it reads itself. */
function openTerminalStreams({ stdin, stdout }: Pick<StreamRequest, "stdin" | "stdout">): Opened {
  const { input, output, stream } = openTerminal();
  if (stdout === "ignore") stream.resume();
  return {
    fds: { stdin: input, stdout: output, stderr: DEV_NULL },
    theirs: [input, output],
    streams: {
      stdin: stdin === "ignore" ? undefined : stream,
      stdout: stdout === "ignore" ? undefined : stream,
      terminal: stream,
    },
  };
}

export function destroyAll(streams: Streams): void {
  for (const stream of Object.values(streams)) stream?.destroy();
}

interface End {
  /** What the container's process gets. */
  readonly fd: number;
  /** Our end of a pipe. */
  readonly stream: Socket | undefined;
}

type Ends = readonly [stdin: End, stdout: End, stderr: End];

function openEnds(stdin: StdioOption, stdout: StdioOption, stderr: StdioOption): Ends {
  const opened: End[] = [];
  const open = (option: StdioOption, standard: 0 | 1 | 2): End => {
    const end = openEnd(option, standard);
    opened.push(end);
    return end;
  };
  try {
    return [open(stdin, 0), open(stdout, 1), open(stderr, 2)];
  } catch (error) {
    for (const fd of theirsOf(opened)) closeSync(fd);
    for (const { stream } of opened) stream?.destroy();
    throw error;
  }
}

function theirsOf(ends: readonly End[]): readonly number[] {
  return ends.flatMap(({ fd, stream }) => (stream === undefined ? [] : [fd]));
}

function openEnd(option: StdioOption, standard: 0 | 1 | 2): End {
  if (option === "inherit") return { fd: standard, stream: undefined };
  if (option === "ignore") return { fd: DEV_NULL, stream: undefined };
  const { read, write } = pipe();
  const isInput = standard === 0;
  const stream = new Socket({
    fd: isInput ? write : read,
    readable: !isInput,
    writable: isInput,
  });
  return { fd: isInput ? read : write, stream };
}

/** How the helper is told to open it by itself. */
const DEV_NULL = -1;
