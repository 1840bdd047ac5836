/** An OCI image layout directory, there whole or not at all. */
import { mkdir, open, readdir, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

import { MarmitaError } from "../errors.ts";
import { syncFilesystem } from "../native/syscalls.ts";
import { parseDigest } from "../oci/digest.ts";
import { draftPath, syncDirectory } from "../store/atomic.ts";
import { storeError } from "../store/store-error.ts";
import { JsonReader } from "../util/json.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import type { Document } from "./archive-documents.ts";
import { checkDigest } from "./archived-image.ts";
import { feedVerb } from "./feed.ts";
import { blobName } from "./oci-layout.ts";
import type { SavedBlob } from "./saved-image.ts";

export interface LayoutContent {
  readonly blobs: readonly SavedBlob[];
  readonly documents: readonly Document[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Throws `ALREADY_EXISTS` when there is something else than an empty directory, `CORRUPT` when a
 * blob is not what its name says. Until all is written it lies beside.
 */
export async function writeLayout(path: string, content: LayoutContent): Promise<void> {
  try {
    const place = await placeOf(path);
    if (await isTakenAlready(place)) throw alreadyThere(path);
    const draft = draftPath(dirname(place));
    try {
      await mkdir(join(draft, "blobs/sha256"), { recursive: true });
      await writeAll(draft, content);
      await syncFilesystem(draft);
      await rename(draft, place);
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      throw error;
    }
    await syncDirectory(dirname(place));
  } catch (error) {
    throw isTaken(error) ? alreadyThere(path, error) : storeError(error, `write ${path}`);
  }
}

async function writeAll(draft: string, { blobs, documents, signal }: LayoutContent): Promise<void> {
  for (const { digest, file, bytes } of blobs) {
    const name = join(draft, blobName(digest));
    if (file === undefined) await writeNew(name, bytes);
    else {
      const event = await feedVerb("blob", file, { args: [name], ...(signal && { signal }) });
      const fields = new JsonReader(event, "event of the helper");
      checkDigest(parseDigest(fields.text("digest")), digest);
    }
  }
  for (const { name, bytes } of documents) await writeNew(join(draft, name), bytes);
}

async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
}

/** Without links; what is asked for may be one to an empty directory. */
async function placeOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const absolute = resolve(path); // without a slash at its end
  try {
    return join(await realpath(dirname(absolute)), basename(absolute));
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
    const directory = dirname(absolute);
    throw new MarmitaError("NOT_FOUND", `no such directory: ${directory}`, { cause });
  }
}

async function isTakenAlready(place: string): Promise<boolean> {
  try {
    return (await readdir(place)).length > 0;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** What rename(2) says of files, and of directories that are not empty. */
function isTaken(error: unknown): boolean {
  return ["ENOTDIR", "ENOTEMPTY", "EEXIST"].includes(errnoOf(error) ?? "");
}

function alreadyThere(path: string, cause?: unknown): MarmitaError {
  return new MarmitaError("ALREADY_EXISTS", `${path} is there, and no empty directory`, {
    cause,
    hint: "Name a directory that is empty or not there yet.",
    details: { name: path },
  });
}
