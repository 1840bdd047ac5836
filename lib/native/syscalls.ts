/** What node:fs lacks: locks between processes, pipes, whole directories in one job. */
import { getSystemErrorName } from "node:util";
import { errnoWords } from "../util/errno.ts";
import { binding } from "./binding.ts";

/** A file with `bytes`, a directory without; `name` is relative and may hold slashes. */
export interface TreeEntry {
  readonly name: string;
  readonly mode: number;
  readonly bytes?: Uint8Array;
}

/** A system call's failure, dressed like those of node:fs: `code`, `errno` and our stack. */
function dress(cause: unknown, here: Error): Error {
  const { errno, message } = cause as { errno?: number; message: string };
  if (errno === undefined) return cause as Error;
  const code = getSystemErrorName(-errno);
  return Object.assign(here, { message: `${message}: ${errnoWords(code)}`, code, errno: -errno });
}

/** For this folder: calls the addon. */
export function named<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw dress(cause, stackOf(named));
  }
}

async function namedAsync<T>(call: Promise<T>): Promise<T> {
  const here = stackOf(namedAsync);
  try {
    return await call;
  } catch (cause) {
    throw dress(cause, here);
  }
}

function stackOf(below: (...values: never[]) => unknown): Error {
  const here = new Error();
  Error.captureStackTrace(here, below);
  return here;
}

/** A pipe's two descriptors, closed on exec; the caller closes them. */
export function pipe(): { read: number; write: number } {
  const [read, write] = named(() => binding().pipe());
  return { read, write };
}

/** Two connected stream sockets, closed on exec; the caller closes them. */
export function socketPair(): readonly [number, number] {
  return named(() => binding().socketPair());
}

/**
 * Send a signal to the process that has had this number since `startTicks` (proc_pid_stat(5)), and to no
 * other that has it by now. False when it is no more.
 */
export function signalProcess(pid: number, startTicks: number, signal: number): boolean {
  return named(() => binding().signalProcess(pid, startTicks, signal));
}

/** What was sent over a socket (SCM_RIGHTS): waits for it. The caller closes it. */
export function receiveDescriptor(socket: number): number {
  return named(() => binding().receive(socket));
}

/** The terminal that has this master, wherever it is mounted; the caller closes it. */
export function openTerminalOf(master: number): number {
  return named(() => binding().openTerminal(master));
}

/** Of a terminal, by either end; programs on it are told by SIGWINCH. */
export function resizeTerminal(fd: number, columns: number, rows: number): void {
  named(() => binding().resizeTerminal(fd, columns, rows));
}

/**
 * Open `path` and lock it (flock(2)) without waiting. The descriptor holds the lock: the caller
 * closes it. `undefined` while somebody else holds it. With `create` false, throws ENOENT for
 * what is not there.
 */
export function tryLock(
  path: string,
  mode: "shared" | "exclusive",
  { create = true }: { readonly create?: boolean } = {},
): number | undefined {
  return named(() => binding().tryLock(path, mode === "exclusive", create));
}

/**
 * Make `directory/name` with `content`; nobody ever sees it unlocked. The caller closes it.
 * Throws EEXIST when there is one already.
 */
export function makeLive(directory: string, name: string, content: string): number {
  return named(() => binding().createLocked(directory, name, content));
}

/** A descriptor of a new file that has these bytes and is on no disk; the caller closes it. */
export function memoryFile(bytes: Uint8Array): number {
  return named(() => binding().memoryFile(bytes));
}

/** Write the file system that `path` is on to its disk (syncfs(2)), off the main thread. */
export function syncFilesystem(path: string): Promise<void> {
  return namedAsync(binding().syncFilesystem(path));
}

/**
 * Make `directory` (0700, it must not exist) and its entries, in order, as one job off the main
 * thread. On failure part of it may be there: the caller deletes it.
 */
export function writeTree(
  directory: string,
  entries: readonly TreeEntry[],
  options: { readonly durable?: boolean } = {},
): Promise<void> {
  return namedAsync(binding().writeTree(directory, entries, options.durable ?? false));
}
