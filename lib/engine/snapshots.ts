/**
 * Snapshots: `snapshots/<id>/` with `diff`, which is what a container wrote until it was forked and
 * never changes again, and `users/` with a file for each container that lies over it. It is there
 * as long as `users/` is, which can be removed only when it is empty: as volumes are.
 */
import { rename, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeTree } from "../native/syscalls.ts";
import { draftPath, isDraft, syncDirectory } from "../store/atomic.ts";
import type { Paths } from "../store/paths.ts";
import { namesIn } from "../util/names-in.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import { dropStaleUsers } from "./volume-users.ts";

/** What was written. */
export function snapshotFiles(paths: Paths, snapshot: string): string {
  return join(paths.snapshot(snapshot), "diff");
}

/** Where one goes to be deleted. */
export function snapshotTrash(paths: Paths, snapshot: string): string {
  return join(paths.trash, `snapshot-${snapshot}`);
}

/** An empty one, which the container `user` has; `durable`: it outlives a power cut. */
export async function makeSnapshot(
  paths: Paths,
  snapshot: string,
  { user, durable }: { readonly user: string; readonly durable: boolean },
): Promise<void> {
  const draft = draftPath(paths.snapshots);
  const entries = [
    { name: "users", mode: 0o700 },
    { name: `users/${user}`, mode: 0o600, bytes: Buffer.alloc(0) },
  ];
  await writeTree(draft, entries, { durable });
  await rename(draft, paths.snapshot(snapshot));
  if (durable) await syncDirectory(paths.snapshots);
}

/** `false` when it is gone: then nobody has it any more. The caller holds live/<user>. */
export async function useSnapshot(paths: Paths, snapshot: string, user: string): Promise<boolean> {
  try {
    await writeFile(join(paths.snapshot(snapshot), "users", user), "", { mode: 0o600 });
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/**
 * The container `user` has them no longer. Those that nobody else has go to the trash: the caller
 * deletes the paths that are returned. Twice is fine.
 */
export async function releaseSnapshots(
  paths: Paths,
  user: string,
  snapshots: readonly string[],
): Promise<readonly string[]> {
  const trashed: string[] = [];
  for (const snapshot of snapshots) {
    await rm(join(paths.snapshot(snapshot), "users", user), { force: true });
    trashed.push(...(await withdrawUnused(paths, snapshot)));
  }
  return trashed;
}

/** Those that no container has any more, out of sight: the caller deletes the paths. */
export async function withdrawUnusedSnapshots(paths: Paths): Promise<readonly string[]> {
  const trashed: string[] = [];
  for (const name of await namesIn(paths.snapshots)) {
    if (isDraft(name)) continue;
    await dropStaleUsers(paths, paths.snapshot(name));
    trashed.push(...(await withdrawUnused(paths, name)));
  }
  return trashed;
}

async function withdrawUnused(paths: Paths, snapshot: string): Promise<readonly string[]> {
  const directory = paths.snapshot(snapshot);
  const trash = snapshotTrash(paths, snapshot);
  try {
    await rmdir(join(directory, "users"));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOTEMPTY" || errno === "EEXIST") return [];
    if (!isMissing(error)) throw error;
  }
  try {
    await rename(directory, trash);
    return [trash];
  } catch (error) {
    if (isMissing(error)) return []; // somebody else did
    throw error;
  }
}

/** Of what is in the trash, snapshots that somebody was deleting, or is deleting now. */
export function trashedSnapshots(paths: Paths, names: readonly string[]): readonly string[] {
  return names
    .filter((name) => name.startsWith("snapshot-"))
    .map((name) => join(paths.trash, name));
}
