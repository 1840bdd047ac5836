/** Bytes that a helper writes, into a file, a descriptor or a stream: `feed.ts` the other way. */
import { closeSync } from "node:fs";
import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import { Socket } from "node:net";
import { basename, dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { MarmitaError } from "../errors.ts";
import { pipe } from "../native/syscalls.ts";
import { draftPath, syncDirectory } from "../store/atomic.ts";
import { storeError } from "../store/store-error.ts";
import { abortError, onAbort, throwIfAborted } from "../util/abort.ts";
import { isDescriptor } from "../util/descriptor.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";

/**
 * Where bytes go: a path, a stream, or an open descriptor, written from where it stands. A file
 * appears at its path, or takes the place of the one there, when it is whole; until then the bytes
 * lie beside it. A stream is ended when all is written, and destroyed when that fails once it has
 * begun; a descriptor stays the caller's.
 */
export type ByteTarget = string | Writable | { readonly fd: number };

/** Writes all there is to the descriptor it is given, which is not its own. */
export type WriteTo<T> = (fd: number) => Promise<T>;

/** What an image or a container holds is for its owner alone, as Docker has it. */
const MODE = 0o600;

/** Rejects with a `MarmitaError` or an `AbortError`; there is no half file under the name then. */
export async function drainInto<T>(
  target: ByteTarget,
  write: WriteTo<T>,
  signal?: AbortSignal,
): Promise<T> {
  if (isWritable(target)) return intoStream(target, write, signal);
  throwIfAborted(signal);
  if (typeof target === "string") return intoPath(target, write, signal);
  if (isDescriptor(target?.fd)) return write(target.fd);
  throw new MarmitaError("INVALID_ARGUMENT", "expected a path, a stream or a descriptor to write");
}

function isWritable(target: ByteTarget): target is Writable {
  return typeof target === "object" && target !== null && "pipe" in target;
}

async function intoPath<T>(
  path: string,
  write: WriteTo<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  try {
    const place = await placeOf(path);
    return await (place.isSpecial
      ? intoSpecial(place.path, write)
      : intoFile(place.path, write, signal));
  } catch (error) {
    throw storeError(error, `write ${path}`, fullHints(path));
  }
}

/** The hints of `storeError` are about the data root. */
function fullHints(path: string): Readonly<Record<string, string>> {
  return {
    ENOSPC: `The file system of ${path} is full.`,
    EDQUOT: `The disk quota for ${path} is used up.`,
    EROFS: `${path} is on a read-only file system.`,
  };
}

/** Where a link leads to, there the file is replaced; a pipe or a device is written to as it is. */
async function placeOf(path: string): Promise<{ path: string; isSpecial: boolean }> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) {
      throw new MarmitaError("INVALID_ARGUMENT", `${path} is a directory`, { errno: "EISDIR" });
    }
    if (!found.isFile()) return { path, isSpecial: true };
    return { path: await realpath(path), isSpecial: false };
  } catch (error) {
    if (errnoOf(error) === "ENOTDIR") throw noDirectory(path, error);
    if (!isMissing(error)) throw error;
  }
  try {
    return { path: join(await realpath(dirname(path)), basename(path)), isSpecial: false };
  } catch (error) {
    throw isMissing(error) ? noDirectory(path, error) : error;
  }
}

function noDirectory(path: string, cause: unknown): MarmitaError {
  const directory = dirname(path);
  return new MarmitaError("NOT_FOUND", `no such directory: ${directory}`, {
    cause,
    errno: errnoOf(cause),
    details: { path },
  });
}

async function intoSpecial<T>(path: string, write: WriteTo<T>): Promise<T> {
  const file = await open(path, "w");
  return closing(file, () => write(file.fd));
}

async function intoFile<T>(
  path: string,
  write: WriteTo<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const draft = draftPath(dirname(path));
  try {
    const file = await open(draft, "wx", MODE);
    const written = await closing(file, async () => {
      const result = await write(file.fd);
      await file.sync();
      return result;
    });
    throwIfAborted(signal);
    await rename(draft, path);
    await syncDirectory(dirname(path));
    return written;
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

async function closing<T>(file: FileHandle, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await file.close();
  }
}

async function intoStream<T>(
  stream: Writable,
  write: WriteTo<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  // It would take nothing and say nothing.
  if (!stream.writable) throw streamFailed(new Error("it has ended"));
  const stop = new AbortController();
  const unhook = signal && onAbort(signal, () => stop.abort());
  const { read, write: fd } = pipe();
  // A socket, not a file: an empty pipe must not block a thread of Node's pool.
  const source = new Socket({ fd: read, readable: true, writable: false });
  const flowing = pipeline(source, stream, { signal: stop.signal }).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  try {
    const written = await writeAndClose(fd, write, signal);
    const failure = await flowing;
    if (failure === undefined) return written;
    throw streamFailed(failure);
  } catch (error) {
    stop.abort();
    // When nobody takes the bytes, the helper's words are about a broken pipe.
    const failure = await flowing;
    if (signal?.aborted === true) throw abortError(signal);
    throw isOfStream(failure) ? streamFailed(failure) : error;
  } finally {
    unhook?.();
  }
}

async function writeAndClose<T>(
  fd: number,
  write: WriteTo<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  try {
    throwIfAborted(signal);
    return await write(fd);
  } finally {
    closeSync(fd); // the end of the stream
  }
}

/** And not of our own stopping it. */
function isOfStream(failure: unknown): boolean {
  return failure !== undefined && !(failure instanceof Error && failure.name === "AbortError");
}

function streamFailed(cause: unknown): MarmitaError {
  const words = cause instanceof Error ? cause.message : String(cause);
  const errno = errnoOf(cause);
  return new MarmitaError("UNAVAILABLE", `write the stream: ${words}`, {
    cause,
    ...(errno !== undefined && { errno }),
  });
}
