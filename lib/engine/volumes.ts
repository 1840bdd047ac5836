/**
 * Volumes: `volumes/<name>/` with `_data`, volume.json, and `users/` with a file for each container
 * that has it. A volume is there as long as `users/` is, which can be removed only when it is
 * empty: so nobody gets one that is being removed, and nobody removes one that is in use.
 */
import { randomBytes } from "node:crypto";
import { rename, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import { writeTree } from "../native/syscalls.ts";
import { draftPath, isDraft, removeDrafts, syncDirectory } from "../store/atomic.ts";
import { lock } from "../store/lock.ts";
import type { Paths } from "../store/paths.ts";
import { isThere } from "../util/is-there.ts";
import { namesIn } from "../util/names-in.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import { type VolumeRecord, encodeVolumeRecord, findVolumeRecord } from "./volume-record.ts";
import { recordVolume } from "./volume-events.ts";
import { dropStaleUsers, usersOf } from "./volume-users.ts";

/** A volume that a container is to have. */
export interface VolumeUse {
  readonly name: string;
  readonly anonymous: boolean;
  /** It belongs to another container: it must be there. */
  readonly borrowed: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

/** A volume that a container has, and what becomes of it when the container goes. */
export interface VolumeBelonging {
  readonly name: string;
  /** It is removed, unless another container has it. */
  readonly remove: boolean;
}

/** A name nobody has. */
export function anonymousName(): string {
  return randomBytes(32).toString("hex");
}

const TRASHED = /^volume-/;

/** Where a volume with a name of its own goes to be deleted. */
export function volumeTrash(paths: Paths, name: string): string {
  return join(paths.trash, `volume-${name}`);
}

/**
 * Have the container `id` use a volume, made when it is not there. The caller holds live/<id>,
 * which says so already. `durable`: it is to outlive a power cut. Throws `NOT_FOUND` for one that
 * was another container's and is gone.
 */
export async function useVolume(
  paths: Paths,
  id: string,
  use: VolumeUse & { readonly durable: boolean },
): Promise<void> {
  const volume = paths.volume(use.name);
  if (await enter(volume, id)) return;
  if (use.borrowed) throw noSuchVolume(use.name);
  // One at a time makes and removes volumes, so that what is there is what it was a moment ago.
  const held = await lock(paths.lock("volumes"), { mode: "exclusive" });
  try {
    if (await enter(volume, id)) return;
    await withdraw(paths, use.name); // somebody who died had begun to remove it
    await create(paths, { ...use, user: id });
  } finally {
    held[Symbol.dispose]();
  }
}

/** A volume that no container has yet. `false` when there is one of that name: it stays as it is. */
export async function makeVolume(
  paths: Paths,
  volume: Pick<VolumeUse, "name" | "anonymous" | "labels">,
): Promise<boolean> {
  using _held = await lock(paths.lock("volumes"), { mode: "exclusive" });
  if (await isVolume(paths, volume.name)) return false;
  await withdraw(paths, volume.name); // somebody who died had begun to remove it
  await create(paths, { ...volume, durable: true });
  return true;
}

/** Neither being removed nor left half removed by somebody who died. */
export async function isVolume(paths: Paths, name: string): Promise<boolean> {
  return isThere(join(paths.volume(name), "users"));
}

export function noSuchVolume(name: string): MarmitaError {
  return new MarmitaError("NOT_FOUND", `no such volume: ${name}`, { details: { volume: name } });
}

/** `false` when there is no such volume. */
async function enter(volume: string, id: string): Promise<boolean> {
  try {
    await writeFile(join(volume, "users", id), "", { mode: 0o600 });
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

interface NewVolume extends Pick<VolumeUse, "name" | "anonymous" | "labels"> {
  /** The container that has it from its beginning. */
  readonly user?: string;
  readonly durable: boolean;
}

async function create(
  paths: Paths,
  { name, anonymous, labels, user, durable }: NewVolume,
): Promise<void> {
  await removeDrafts(paths.volumes); // of those who died while they held the lock
  const draft = draftPath(paths.volumes);
  const createdAt = new Date().toISOString();
  const record = encodeVolumeRecord({ name, createdAt, driver: "local", labels, anonymous });
  const entries = [
    { name: "volume.json", mode: 0o600, bytes: record },
    { name: "_data", mode: 0o755 },
    { name: "users", mode: 0o700 },
    ...(user === undefined ? [] : [{ name: `users/${user}`, mode: 0o600, bytes: Buffer.alloc(0) }]),
  ];
  try {
    await writeTree(draft, entries, { durable });
    await rename(draft, paths.volume(name));
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
  recordVolume(paths, "create", name);
  if (durable) await syncDirectory(paths.volumes);
}

/**
 * The container `id` has them no longer. Those that are to go, and that nobody else has, are moved
 * to the trash: the caller deletes the paths that are returned. Twice is fine.
 */
export async function releaseVolumes(
  paths: Paths,
  id: string,
  volumes: readonly VolumeBelonging[],
): Promise<readonly string[]> {
  for (const { name } of volumes) await rm(join(paths.volume(name), "users", id), { force: true });
  const own = volumes.filter(({ remove }) => remove);
  if (own.length === 0) return [];
  const held = await lock(paths.lock("volumes"), { mode: "exclusive" });
  try {
    const trashed: string[] = [];
    for (const { name } of own) {
      if (await isUnused(paths.volume(name))) trashed.push(...(await destroy(paths, name)));
    }
    return trashed;
  } finally {
    held[Symbol.dispose]();
  }
}

/**
 * Those that nobody has and that may go, out of sight: the caller deletes the paths, and nobody gets
 * them from now on.
 */
export async function withdrawUnusedVolumes(
  paths: Paths,
  may: (volume: VolumeRecord) => boolean,
  signal?: AbortSignal,
): Promise<{ readonly names: readonly string[]; readonly trashed: readonly string[] }> {
  const names: string[] = [];
  const trashed: string[] = [];
  for (const name of await listVolumes(paths)) {
    if (signal?.aborted === true) break; // what is in the trash already has to be deleted
    const record = await findVolumeRecord(paths.volume(name));
    if (record === undefined || !may(record)) continue;
    const path = await withdrawUnused(paths, name);
    if (path === undefined) continue;
    trashed.push(path);
    names.push(name);
  }
  return { names, trashed };
}

/**
 * One that no container has, out of sight: the caller deletes the path. `undefined` when it is not
 * there. Throws `CONFLICT` with the ids of the containers that have it.
 */
export async function withdrawVolume(paths: Paths, name: string): Promise<string | undefined> {
  for (;;) {
    const path = await withdrawUnused(paths, name);
    if (path !== undefined || !(await isVolume(paths, name))) return path;
    const users = await usersOf(paths, name);
    if (users.length > 0) throw inUse(name, users);
  }
}

function inUse(name: string, containers: readonly string[]): MarmitaError {
  const shown = containers.map((id) => id.slice(0, 12)).join(", ");
  return new MarmitaError("CONFLICT", `volume ${name} is in use by ${shown}`, {
    hint: "Remove the containers that have it first.",
    details: { volume: name, containers },
  });
}

/** `undefined` when it is in use or not there. */
async function withdrawUnused(paths: Paths, name: string): Promise<string | undefined> {
  await dropStaleUsers(paths, paths.volume(name));
  using _held = await lock(paths.lock("volumes"), { mode: "exclusive" });
  if (!(await isUnused(paths.volume(name)))) return undefined;
  const [path] = await destroy(paths, name);
  return path;
}

export async function listVolumes(paths: Paths): Promise<readonly string[]> {
  return (await namesIn(paths.volumes)).filter((name) => !isDraft(name));
}

/** From then on nobody can use it. */
async function isUnused(volume: string): Promise<boolean> {
  try {
    await rmdir(join(volume, "users"));
    return true;
  } catch (error) {
    if (isMissing(error)) return true;
    const errno = errnoOf(error);
    if (errno === "ENOTEMPTY" || errno === "EEXIST") return false;
    throw error;
  }
}

async function destroy(paths: Paths, name: string): Promise<readonly string[]> {
  const trashed = await withdraw(paths, name);
  if (trashed.length > 0) recordVolume(paths, "destroy", name);
  return trashed;
}

/** Out of sight, in one step: where it is then. Its container's keeper may have done it. */
async function withdraw(paths: Paths, name: string): Promise<readonly string[]> {
  const trash = volumeTrash(paths, anonymousName());
  try {
    await rename(paths.volume(name), trash);
    return [trash];
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Of what is in the trash, volumes that somebody who died was deleting, or is deleting now. */
export function trashedVolumes(paths: Paths, names: readonly string[]): readonly string[] {
  return names.filter((name) => TRASHED.test(name)).map((name) => join(paths.trash, name));
}
