/** Text to stdout and stderr, written at once: nothing is lost when the process ends. */
import { writeSync } from "node:fs";

/** What a shell shows for a program that SIGPIPE ended. */
export const EXIT_UNREAD = 141;

/** Whoever read our output is gone: the command ends as quietly as any other would. */
export class OutputUnread extends Error {}

/** Throws `OutputUnread` when nobody reads it. */
export function print(text: string): void {
  printBytes(1, Buffer.from(text));
}

/** The same for what is no text. */
export function printBytes(descriptor: 1 | 2, bytes: Uint8Array): void {
  try {
    writeAll(descriptor, bytes);
  } catch (error) {
    throw isGone(error) ? new OutputUnread() : error;
  }
}

/** To stderr; with nobody there to read it, to nobody. */
export function printError(text: string): void {
  try {
    writeAll(2, Buffer.from(text));
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** A closed pipe, a terminal that hung up. */
export function isGone(error: unknown): boolean {
  return ["EPIPE", "EIO", "EBADF"].includes(codeOf(error));
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      // The other end made the pipe non-blocking, and it is full.
      if (codeOf(error) !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
