/** What a container's process has as its streams and descriptors: of this process, or pipes. */
import { closeSync, readlinkSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { MarmitaError } from "../errors.ts";
import { pipe } from "../native/syscalls.ts";
import type { RunStdio } from "./options.ts";

export interface OpenedStdio {
  readonly fds: { readonly stdin: number; readonly stdout: number; readonly stderr: number };
  /** Our ends; `undefined` for what is no pipe. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** Once the process has its own: closes those of its ends that were opened here. */
  closeTheirs(): void;
  /** Our ends, when all is over. */
  destroy(): void;
}

export interface StdioRequest {
  readonly stdin: RunStdio;
  readonly stdout: RunStdio;
  readonly stderr: RunStdio;
}

/** How the helper is told to open it by itself. */
const DEV_NULL = -1;

export function openStdio(request: StdioRequest): OpenedStdio {
  const theirs: number[] = [];
  const ours: Socket[] = [];
  const open = (option: RunStdio, standard: 0 | 1 | 2): [fd: number, stream?: Socket] => {
    if (typeof option === "number") return [option];
    if (option === "inherit") return [standard];
    if (option === "ignore") return [DEV_NULL];
    const { read, write } = pipe();
    const isInput = standard === 0;
    theirs.push(isInput ? read : write);
    const stream = new Socket({
      fd: isInput ? write : read,
      readable: !isInput,
      writable: isInput,
    });
    ours.push(stream);
    return [isInput ? read : write, stream];
  };
  const closeTheirs = (): void => {
    for (const fd of theirs.splice(0)) closeSync(fd);
  };
  const destroy = (): void => {
    for (const stream of ours) stream.destroy();
  };
  try {
    const [stdin, input] = open(request.stdin, 0);
    const [stdout, output] = open(request.stdout, 1);
    const [stderr, errors] = open(request.stderr, 2);
    const fds = { stdin, stdout, stderr };
    return { fds, stdin: input, stdout: output, stderr: errors, closeTheirs, destroy };
  } catch (error) {
    closeTheirs();
    destroy();
    throw error;
  }
}

const FIRST_PRESERVED = 3;

/**
 * Our descriptors from 3 on that the process is to have. Throws `INVALID_ARGUMENT` for one that nobody
 * gave us: what Node has opened itself is nobody else's business.
 */
export function preservedDescriptors(count: number): readonly number[] {
  const fds = Array.from({ length: count }, (_, index) => FIRST_PRESERVED + index);
  for (const fd of fds) {
    if (isGiven(fd)) continue;
    throw new MarmitaError("INVALID_ARGUMENT", `there is no descriptor ${fd} to be preserved`, {
      hint: "They are those from 3 on that were open when this process was started.",
      details: { option: "preserveFds", descriptor: fd },
    });
  }
  return fds;
}

/**
 * Node takes the lowest numbers that are free, for an epoll first of all: where one was not given,
 * that is it, or it comes before. (It marks those that were given as its own: to be closed on exec.)
 */
function isGiven(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) !== "anon_inode:[eventpoll]";
  } catch {
    return false;
  }
}
