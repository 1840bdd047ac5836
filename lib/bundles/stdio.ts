/** What a container's process has as its streams and descriptors: of this process, or pipes. */
import { closeSync, readFileSync } from "node:fs";
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
const O_CLOEXEC = 0o2_000_000;

/**
 * Our descriptors from 3 on that the process is to have. Throws `INVALID_ARGUMENT` for one that nobody
 * gave us: Node's own are closed on exec, and are nobody else's business.
 */
export function preservedDescriptors(count: number): readonly number[] {
  const fds = Array.from({ length: count }, (_, index) => FIRST_PRESERVED + index);
  for (const fd of fds) {
    if (isInherited(fd)) continue;
    throw new MarmitaError("INVALID_ARGUMENT", `there is no descriptor ${fd} to be preserved`, {
      hint: "They are those from 3 on that were open when this process was started.",
      details: { option: "preserveFds", descriptor: fd },
    });
  }
  return fds;
}

function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    return false;
  }
}
