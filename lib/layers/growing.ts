/** A layer's blob that is still being downloaded: it is unpacked while it grows. */
import { closeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Socket } from "node:net";

import { pipe } from "../native/syscalls.ts";
import { isMissing } from "../util/system-error.ts";

/**
 * What a download tells of its file. That may be begun anew, under the same path or another: what
 * counts is the one that is whole in the end.
 */
export interface GrowingBlob {
  /** The path of a file to follow, once there is one; rejects when there will be none. */
  readonly begun: Promise<string>;
  /** The path of the whole one, its digest checked, for as long as layers are unpacked; rejects
   *  when the download has failed. */
  readonly whole: Promise<string>;
  /** `onGrown` is called when the file has more bytes, until the returned function is called. */
  watch(onGrown: () => void): () => void;
}

/** What `apply` needs of it. */
export interface FollowedBlob {
  readonly file: FileHandle;
  /** The read end of a pipe: a byte in it says that the file has grown. */
  readonly news: number;
  close(): Promise<void>;
}

/** `undefined` when that file is there no more: the whole one may be. */
export async function follow(growing: GrowingBlob): Promise<FollowedBlob | undefined> {
  const file = await openThere(await growing.begun);
  if (file === undefined) return undefined;
  const { read, write } = pipe();
  const pen = new Socket({ fd: write, readable: false, writable: true });
  pen.on("error", () => undefined); // nobody reads any more: its own end says why
  // One byte under way is enough, however much has come meanwhile.
  const tell = () => {
    if (pen.writable && pen.writableLength === 0) pen.write(BYTE);
  };
  const unwatch = growing.watch(tell);
  // No more comes: should this file not be the whole one, nobody shall wait for the rest of it.
  const end = () => void pen.end(BYTE);
  growing.whole.then(end, end);
  return {
    file,
    news: read,
    async close() {
      unwatch();
      pen.destroy();
      closeSync(read);
      await file.close();
    },
  };
}

const BYTE = Buffer.from("+");

async function openThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
