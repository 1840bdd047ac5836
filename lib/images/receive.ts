/** The bytes of one blob from a registry into a file: resumed after breaks, and checked. */
import type { FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";

import { MarmitaError, isMarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { throwIfAborted } from "../util/abort.ts";
import { backoffMs, pause as pauseByClock } from "../util/backoff.ts";
import type { OnRetry } from "../registry/again.ts";
import { Received } from "./received.ts";

/** Who has blobs: a client of a registry. */
export interface BlobSource {
  /** Which registry and repository it is, for the `details` of errors. */
  readonly where?: Readonly<Record<string, string>>;
  /**
   * The blob from `offset` on; a server may begin at 0 all the same. Rejects when there is no
   * answer, or a wrong one; what breaks later breaks the stream.
   */
  openBlob(
    descriptor: Descriptor,
    options: {
      readonly offset: number;
      readonly signal?: AbortSignal;
      readonly onRetry?: OnRetry | undefined;
    },
  ): Promise<{ readonly offset: number; readonly body: Readable }>;
}

export interface Transfer {
  /** Open for reading and writing; it may have the first bytes of the blob. */
  readonly file: FileHandle;
  /** How many bytes are in the file; fewer than before when it is begun anew. */
  readonly onGrown?: ((bytes: number) => void) | undefined;
  readonly onRetry?: OnRetry | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly pause?: ((ms: number, signal: AbortSignal | undefined) => Promise<void>) | undefined;
}

/** In a row, each without getting on: then it is given up. */
const MOST_BREAKS = 5;
/** Less than that between two breaks is not getting on. */
const ADVANCE_BYTES = 256 * 1024;
const BACKOFF = { firstMs: 200, longestMs: 10_000 };
/** For how long what may come behind the last byte is waited for, to keep the connection. */
const TAIL_MS = 1_000;

/**
 * Throws `CORRUPT` when what came has another digest, which is tried once more from the first byte,
 * and `UNAVAILABLE` when it broke off too often.
 */
export async function receive(
  source: BlobSource,
  descriptor: Descriptor,
  transfer: Transfer,
): Promise<void> {
  const received = new Received(descriptor, transfer);
  await received.resume();
  for (let isSecond = false; ; isSecond = true) {
    try {
      await fill(received, source, transfer);
      const actual = received.digest();
      if (actual === descriptor.digest) return;
      if (isSecond) throw mismatch(descriptor.digest, actual, source);
    } catch (error) {
      // A part that the server cannot go on from, or will not, is begun anew.
      if (isSecond || !isMarmitaError(error, "CORRUPT") || received.startedAt === 0) throw error;
    }
    await received.restart();
  }
}

/** Until all of it is there, with new tries. */
async function fill(received: Received, source: BlobSource, transfer: Transfer): Promise<void> {
  const { signal, onRetry, pause = pauseByClock } = transfer;
  for (let breaks = 0; received.isShort;) {
    const before = received.bytes;
    const failure = await receiveSome(received, source, transfer);
    if (!received.isShort) return;
    breaks = received.bytes - before >= ADVANCE_BYTES ? 1 : breaks + 1;
    if (breaks > MOST_BREAKS) throw brokenOff(received, failure, source);
    const delayMs = backoffMs(breaks, BACKOFF);
    onRetry?.({ attempt: breaks + 1, delayMs, reason: wordsOf(failure) });
    await pause(delayMs, signal);
  }
}

/** Returns why it broke; `undefined`: it ended, too early perhaps. */
async function receiveSome(
  received: Received,
  source: BlobSource,
  { signal, onRetry }: Transfer,
): Promise<unknown> {
  throwIfAborted(signal);
  received.startedAt = received.bytes;
  const opened = await source.openBlob(received.descriptor, {
    offset: received.bytes,
    ...(signal && { signal }),
    onRetry,
  });
  const { body } = opened;
  try {
    if (opened.offset !== received.bytes) await received.restart();
    const failure = await take(received, body, signal);
    await received.flush();
    return failure;
  } catch (error) {
    body.destroy();
    await received.flush().catch(() => undefined); // the first error counts
    throw error;
  }
}

/** Until there is no more of it; returns as the above. */
async function take(
  received: Received,
  body: Readable,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const chunks = body.iterator({ destroyOnReturn: false });
  for (;;) {
    const next = await nextOf(chunks);
    if ("failure" in next) {
      throwIfAborted(signal);
      if (isMarmitaError(next.failure, "CORRUPT")) throw next.failure;
      return next.failure;
    }
    if (next.chunk === undefined) return undefined;
    await received.append(next.chunk);
    throwIfAborted(signal);
    if (received.isShort) continue;
    await chunks.return?.(); // it lets go of the stream
    letEnd(body);
    return undefined;
  }
}

/** What the stream fails with is told apart from what the disk does. */
async function nextOf(
  chunks: AsyncIterator<unknown>,
): Promise<{ readonly chunk: Uint8Array | undefined } | { readonly failure: unknown }> {
  try {
    const next: IteratorResult<unknown, unknown> = await chunks.next();
    return { chunk: next.done === true ? undefined : (next.value as Uint8Array) };
  } catch (failure) {
    return { failure };
  }
}

/** All that was promised is there: a connection whose body has ended can be used again. */
function letEnd(body: Readable): void {
  const timer = setTimeout(() => body.destroy(), TAIL_MS);
  timer.unref();
  body.on("error", () => undefined);
  body.once("close", () => clearTimeout(timer));
  body.once("data", () => body.destroy());
  body.resume();
}

function wordsOf(failure: unknown): string {
  if (failure === undefined) return "the registry sent less than it said";
  return failure instanceof Error ? failure.message : "the connection broke";
}

function brokenOff(received: Received, cause: unknown, { where }: BlobSource): MarmitaError {
  const { bytes, descriptor } = received;
  const { digest, size } = descriptor;
  const details = { ...where, digest, bytes, size };
  if (cause === undefined) {
    const message = `blob ${digest} ends after ${bytes} of ${size} bytes`;
    return new MarmitaError("CORRUPT", message, { step: "download", details });
  }
  const message = `blob ${digest} broke off after ${bytes} of ${size} bytes: ${wordsOf(cause)}`;
  return new MarmitaError("UNAVAILABLE", message, {
    cause,
    step: "download",
    hint: "What has arrived is kept: the next pull goes on from there.",
    details,
  });
}

function mismatch(expected: Digest, actual: Digest, { where }: BlobSource): MarmitaError {
  return new MarmitaError("CORRUPT", `blob ${expected} arrived as ${actual}`, {
    step: "download",
    details: { ...where, expected, actual },
  });
}
