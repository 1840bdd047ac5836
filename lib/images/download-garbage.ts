/** What pulls that were broken off left: kept for the next one to go on from, though not for ever. */
import { lstat, rmdir } from "node:fs/promises";
import { join } from "node:path";

import type { Paths } from "../store/paths.ts";
import { namesIn } from "../util/names-in.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import { removeUnused } from "./unused-download.ts";

/** Nobody comes back to a pull after that. */
export const LONGEST_KEPT_MS = 7 * 24 * 60 * 60 * 1_000;

/** What downloads are called. Whatever else is there is somebody else's. */
const DOWNLOAD = /^[0-9a-f]{64}(?:\.part)?$/;

export interface LeftDownload {
  readonly path: string;
  readonly size: number;
  /** Since when nothing was added to it. */
  readonly ageMs: number;
}

/** Also those that are being written just now. */
export async function listDownloads({ downloads }: Paths): Promise<readonly LeftDownload[]> {
  const found: LeftDownload[] = [];
  for (const name of await namesIn(downloads)) {
    if (!DOWNLOAD.test(name)) continue;
    const path = join(downloads, name);
    try {
      const status = await lstat(path);
      if (!status.isFile()) continue;
      const { size, mtimeMs } = status;
      found.push({ path, size, ageMs: Date.now() - mtimeMs });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return found;
}

/** Delete those that nobody writes. Returns how many bytes they had. */
export async function removeDownloads(
  paths: Paths,
  { olderThanMs = -Infinity }: { readonly olderThanMs?: number } = {},
): Promise<number> {
  let bytes = 0;
  for (const { path, ageMs } of await listDownloads(paths)) {
    if (ageMs > olderThanMs) bytes += (await removeUnused(path)) ?? 0;
  }
  await removeIfEmpty(paths.downloads);
  return bytes;
}

async function removeIfEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    const errno = errnoOf(error);
    // ENOTDIR: a link to a directory elsewhere, which stays.
    if (errno !== "ENOENT" && errno !== "ENOTEMPTY" && errno !== "ENOTDIR") throw error;
  }
}
