/** Files of this machine, or a tar, into a container, and out of one: `docker cp`. */
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { MarmitaError } from "../errors.ts";
import { drainInto } from "../images/drain.ts";
import { type CopiedFiles, HERE, copyFrom, copyTo } from "../layers/copy.ts";
import { HelperFailure } from "../native/helper.ts";
import { pipe } from "../native/syscalls.ts";
import { throwIfAborted } from "../util/abort.ts";
import { isDescriptor } from "../util/descriptor.ts";
import { errnoOf } from "../util/system-error.ts";
import type { EngineContext } from "./context.ts";
import { copyFailure } from "./copy-failure.ts";
import { parseCopyPath } from "./copy-paths.ts";
import type { CopiedOut, CopyOptions, CopySource, CopyTarget } from "./copy-options.ts";
import { recordContainer } from "./events.ts";
import type { ContainerRecord } from "./records.ts";
import { withView } from "./view.ts";

export interface CopyRequest<Place> {
  /** In the container; relative to `/`. */
  readonly path: string;
  readonly place: Place;
  readonly options: CopyOptions;
}

export async function copyInto(
  context: EngineContext,
  record: ContainerRecord,
  { path, place: source, options }: CopyRequest<CopySource>,
): Promise<CopiedFiles> {
  const { signal } = options;
  throwIfAborted(signal);
  const target = parseCopyPath(path);
  const isStream = typeof source !== "string";
  const keepOwners = isStream || options.keepOwners === true;
  const write: Write = (fd) =>
    withView(context, record, {
      signal,
      work: (view) => copyTo({ view, path: target.path, isStream, keepOwners, fd, signal }),
    });
  try {
    const copied = await (isDescribed(source)
      ? write(source.fd)
      : through(readerOf(source, options), write));
    recordContainer(context, "extract-to-dir", { container: record, attributes: { path } });
    return copied;
  } catch (error) {
    const from = isStream ? "the tar" : source;
    throw copyFailure(error, { from, to: `${record.name}:${path}`, isInto: true });
  }
}

function isDescribed(source: CopySource): source is { readonly fd: number } {
  if (typeof source === "string") return false;
  if (typeof source === "object" && source !== null) {
    if ("pipe" in source) return false;
    if (isDescriptor(source.fd)) return true;
  }
  throw new MarmitaError("INVALID_ARGUMENT", "expected a path, a stream or a descriptor to read");
}

/** What was copied; of a stream or descriptor, `entries` alone. */
export async function copyOut(
  context: EngineContext,
  record: ContainerRecord,
  { path, place: target, options }: CopyRequest<CopyTarget>,
): Promise<CopiedFiles | CopiedOut> {
  const { followLinks = false, signal } = options;
  throwIfAborted(signal);
  const source = parseCopyPath(path);
  const read = (fd: number) =>
    withView(context, record, {
      signal,
      work: (view) => copyFrom({ ...source, view, followLinks, fd, signal }),
    });
  try {
    const copied = await (typeof target === "string"
      ? through(closing(read), writerOf(target, options))
      : drainInto(target, read, signal));
    recordContainer(context, "archive-path", { container: record, attributes: { path } });
    return copied;
  } catch (error) {
    const to = typeof target === "string" ? target : "the stream";
    throw copyFailure(error, { from: `${record.name}:${path}`, to, isInto: false });
  }
}

/** Writes a tar to the descriptor, and closes it. */
type Read = (fd: number) => Promise<unknown>;
type Write = (fd: number) => Promise<CopiedFiles>;

function writerOf(target: string, { keepOwners = false, signal }: CopyOptions): Write {
  const { path } = parseCopyPath(target, process.cwd());
  return (fd) => copyTo({ view: HERE, path, isStream: false, keepOwners, fd, signal });
}

function readerOf(source: string | Readable, { followLinks = false, signal }: CopyOptions): Read {
  if (typeof source !== "string") return (fd) => pump(source, fd, signal);
  const place = parseCopyPath(source, process.cwd());
  return closing((fd) => copyFrom({ ...place, view: HERE, followLinks, fd, signal }));
}

function closing(read: Read): Read {
  return (fd) => read(fd).finally(() => closeSync(fd));
}

/** Who reads the pipe may stop before the end of the stream: what matters had come by then. */
async function pump(source: Readable, fd: number, signal?: AbortSignal): Promise<void> {
  // A socket, not a file: a full pipe must not block a thread of Node's pool.
  const target = new Socket({ fd, readable: false, writable: true });
  try {
    await pipeline(source, target, signal === undefined ? {} : { signal });
  } catch (cause) {
    throwIfAborted(signal);
    if (errnoOf(cause) === "EPIPE") return;
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new MarmitaError("UNAVAILABLE", `read the stream: ${words}`, { cause });
  }
}

/** What one writes the other reads. */
async function through(read: Read, write: Write): Promise<CopiedFiles> {
  const ends = pipe();
  const [came, went] = await Promise.allSettled([
    read(ends.write),
    write(ends.read).finally(() => closeSync(ends.read)),
  ]);
  if (went.status === "fulfilled" && came.status === "fulfilled") return went.value;
  // What broke first says more: the other one only saw its pipe end.
  if (came.status === "rejected" && !isEndOfPipe(came.reason)) throw came.reason;
  throw went.status === "rejected" ? went.reason : undefined;
}

function isEndOfPipe(error: unknown): boolean {
  return error instanceof HelperFailure && error.errno === "EPIPE";
}
