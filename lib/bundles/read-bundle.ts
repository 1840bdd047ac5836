/** A bundle as others made it: a directory with a config.json, and what that says. */
import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { MarmitaError } from "../errors.ts";
import { errnoOf } from "../util/system-error.ts";

/** runtime-spec knows no limit: nobody's is larger. */
const MAX_BYTES = 8 << 20;

export interface BundleFiles {
  /** Absolute, without links. */
  readonly directory: string;
  /** Its config.json. */
  readonly text: Buffer;
}

/** Throws `NOT_FOUND` where there is no bundle, and `INVALID_ARGUMENT` for what is none. */
export async function readBundle(directory: string, config = "config.json"): Promise<BundleFiles> {
  const path = resolve(directory, config);
  try {
    return { directory: await realpath(directory), text: await readWhole(path) };
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    const isAbsent = errno === "ENOENT" || errno === "ENOTDIR";
    const message = isAbsent
      ? `${directory} is no bundle: it has no ${config}`
      : `cannot read ${path}`;
    throw new MarmitaError(isAbsent ? "NOT_FOUND" : "UNAVAILABLE", message, {
      errno,
      cause,
      details: { path },
    });
  }
}

/** A fifo is not waited for, and of a file without an end no more is read than may be. */
async function readWhole(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    if (!(await file.stat()).isFile()) throw notA(path, "regular file");
    const chunks: Buffer[] = [];
    let length = 0;
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES);
      if (bytesRead === 0) return Buffer.concat(chunks);
      chunks.push(buffer.subarray(0, bytesRead));
      length += bytesRead;
      if (length > MAX_BYTES) throw notA(path, "configuration: it has more than 8 MiB");
    }
  } finally {
    await file.close();
  }
}

const CHUNK_BYTES = 1 << 16;

function notA(path: string, what: string): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", `${path} is not a ${what}`, { details: { path } });
}
