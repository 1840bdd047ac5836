/** Writes a tar of given files and bytes to a descriptor: what archives of images are made of. */
import { Readable } from "node:stream";

import { MarmitaError } from "../errors.ts";
import { JsonReader } from "../util/json.ts";
import { feedVerb } from "./feed.ts";

/**
 * One of: a file with what is at the path `file`, or with `bytes`; the same with what is at the path
 * `blob`, whose SHA-256 must be the last part of its name; a symbolic link with the text
 * `link`; a hard link to the member of the name `hardLink`; without any of them a directory.
 */
export interface ArchiveMember {
  /** As it stands in the archive: relative, of 4,095 bytes at most. */
  readonly name: string;
  /** An absolute path. */
  readonly file?: string | undefined;
  /** An absolute path. What is there is hashed on the way: other bytes are `CORRUPT`. */
  readonly blob?: string | undefined;
  readonly bytes?: Uint8Array | undefined;
  readonly link?: string | undefined;
  readonly hardLink?: string | undefined;
}

export interface ArchiveOptions {
  /** Where the tar goes, from where that stands. It stays the caller's. */
  readonly fd: number;
  /** The time of all members, in whole seconds since 1970. Default: 0. */
  readonly mtime?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The same members are the same bytes: all belong to root, with modes 0644, 0755 and 0777, in the
 * order given. Nothing of it goes through Node but `bytes`. Resolves to the size of the tar.
 * Rejects with a `MarmitaError` or an `AbortError`, and then a part of the tar has been written.
 */
export async function writeArchive(
  members: readonly ArchiveMember[],
  { fd, mtime = 0, signal }: ArchiveOptions,
): Promise<{ size: number }> {
  if (!Number.isSafeInteger(mtime)) {
    throw new MarmitaError("INVALID_ARGUMENT", `expected whole seconds, got ${mtime}`);
  }
  const chunks = members.flatMap(wordsOf).filter(({ length }) => length > 0);
  const list = Readable.from(chunks, { objectMode: false });
  const event = await feedVerb("archive", list, { args: [String(mtime)], stdout: fd, signal });
  return { size: new JsonReader(event, "event of the helper").size("size") };
}

/** native/init/archive.c has the words. */
function wordsOf(member: ArchiveMember): readonly Uint8Array[] {
  const { name, file, blob, bytes, link, hardLink } = member;
  if (file !== undefined) return [words("file", name, file)];
  if (blob !== undefined) return [words("blob", name, blob)];
  if (bytes !== undefined) return [words("bytes", name, String(bytes.length)), bytes];
  if (link !== undefined) return [words("symlink", name, link)];
  if (hardLink !== undefined) return [words("hardlink", name, hardLink)];
  return [words("directory", name, "")];
}

function words(kind: string, name: string, word: string): Uint8Array {
  const isOdd = name === "" || (name.endsWith("/") && kind !== "directory");
  if (isOdd || name.includes("\0") || word.includes("\0")) {
    throw new MarmitaError("INVALID_ARGUMENT", `not a member's name: ${JSON.stringify(name)}`);
  }
  return Buffer.from(`${kind}\0${name}\0${word}\0`);
}
