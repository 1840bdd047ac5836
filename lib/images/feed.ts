/** Bytes from a file, a descriptor or a stream into the standard input of a helper's verb. */
import { closeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { MarmitaError } from "../errors.ts";
import { type HelperEvent, type VerbOptions, runVerb } from "../native/helper.ts";
import { pipe } from "../native/syscalls.ts";
import { storeError } from "../store/store-error.ts";
import { throwIfAborted } from "../util/abort.ts";
import { isDescriptor } from "../util/descriptor.ts";
import { errnoOf } from "../util/system-error.ts";

/**
 * Where bytes come from: a path, a stream, or an open descriptor, read from where it stands. A
 * stream is destroyed when it has been read or the work failed; a descriptor stays the caller's.
 */
export type ByteSource = string | Readable | { readonly fd: number };

/** The event that says a verb came to its end. */
const LAST_EVENTS = { extract: "extracted", blob: "blob", archive: "archived" } as const;

const HINTS = {
  ENOTSUP: "Plain tars, gzip and zstd are read: unpack it on the way in, as with `xz -dc`.",
};
const WRITING_HINTS = {
  ENOSPC: "There is no room left where the archive is written to.",
  EDQUOT: "The disk quota is used up where the archive is written to.",
};

type FedVerb = keyof typeof LAST_EVENTS;

export type FeedOptions = Pick<VerbOptions, "args" | "stdout" | "signal" | "onEvent">;

/** Whatever becomes of `work`, a stream is not left open after it. */
export async function consuming<T>(source: ByteSource, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    if (isStream(source)) source.destroy();
  }
}

function isStream(source: ByteSource): source is Readable {
  return typeof source === "object" && source !== null && "pipe" in source;
}

/** Run a verb over all of `source`. Rejects with a `MarmitaError` or an `AbortError`. */
export async function feedVerb(
  verb: FedVerb,
  source: ByteSource,
  options: FeedOptions,
): Promise<HelperEvent> {
  throwIfAborted(options.signal);
  if (typeof source === "string") return feedFile(verb, source, options);
  if (isStream(source)) return feedStream(verb, source, options);
  if (isDescriptor(source?.fd)) return feedDescriptor(verb, source.fd, options);
  throw new MarmitaError("INVALID_ARGUMENT", "expected a path, a stream or a descriptor to read");
}

async function feedFile(verb: FedVerb, path: string, options: FeedOptions): Promise<HelperEvent> {
  const file = await openInput(path);
  try {
    return await feedDescriptor(verb, file.fd, options);
  } finally {
    await file.close();
  }
}

/** Throws `NOT_FOUND` and `INVALID_ARGUMENT` in words for people. */
async function openInput(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === "ENOENT" || errno === "ENOTDIR") {
      throw new MarmitaError("NOT_FOUND", `no such file: ${path}`, { cause, errno });
    }
    throw storeError(cause, `open ${path}`);
  }
  if (!(await file.stat()).isDirectory()) return file;
  await file.close();
  throw new MarmitaError("INVALID_ARGUMENT", `${path} is a directory`, { errno: "EISDIR" });
}

async function feedDescriptor(
  verb: FedVerb,
  fd: number,
  options: FeedOptions,
): Promise<HelperEvent> {
  let last: HelperEvent;
  try {
    last = await runVerb(verb, { ...options, stdin: fd });
  } catch (error) {
    throw storeError(error, verb, verb === "archive" ? WRITING_HINTS : HINTS);
  }
  if (last.event === LAST_EVENTS[verb]) return last;
  throw new MarmitaError("UNAVAILABLE", `marmita-init ${verb} was killed`, { step: verb });
}

async function feedStream(
  verb: FedVerb,
  source: Readable,
  options: FeedOptions,
): Promise<HelperEvent> {
  const { read, write } = pipe();
  // A socket, not a file: a full pipe must not block a thread of Node's pool.
  const target = new Socket({ fd: write, readable: false, writable: true });
  const stop = new AbortController();
  const pumping = pump(source, target, stop.signal);
  try {
    const last = await feedDescriptor(verb, read, options);
    await pumping.failed(false);
    return last;
  } catch (error) {
    // A source that breaks looks like an archive cut short; what broke it says more.
    await pumping.failed(true);
    throw error;
  } finally {
    stop.abort();
    closeSync(read);
    await pumping.ended;
  }
}

interface Pumping {
  /** Throws what went wrong with the source; `settle` waits for it to show. */
  failed(settle: boolean): Promise<void>;
  readonly ended: Promise<void>;
}

function pump(source: Readable, target: Socket, signal: AbortSignal): Pumping {
  let failure: MarmitaError | undefined;
  const ended = pipeline(source, target, { signal }).catch((cause: unknown) => {
    // Nobody reads any more, or we were told to stop: the verb's own end says why.
    if (signal.aborted || errnoOf(cause) === "EPIPE") return;
    const words = cause instanceof Error ? cause.message : String(cause);
    failure = new MarmitaError("UNAVAILABLE", `read the stream: ${words}`, { cause });
  });
  return {
    ended,
    async failed(settle) {
      if (settle) await new Promise((resolve) => setImmediate(resolve));
      if (failure !== undefined) throw failure;
    },
  };
}
