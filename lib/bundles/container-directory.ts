/**
 * `<root>/<id>/`: the directory that is a container made of a bundle. It comes and goes whole, by
 * rename(2), and its lock orders those who change what it is.
 */
import { randomUUID } from "node:crypto";
import { closeSync, fstatSync, lstatSync, type Stats } from "node:fs";
import { lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import { makeLive, tryLock } from "../native/syscalls.ts";
import type { FilterPlace } from "../runtime/seccomp/filters.ts";
import { throwIfAborted } from "../util/abort.ts";
import { Patience } from "../util/patience.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import { checkContainerId, isContainerId } from "./container-id.ts";
import { isSpoilt, spoilt } from "./own-file.ts";
import { checkStateRoot, makeStateRoot } from "./state-root.ts";

/** The files in it. */
export interface ContainerPaths {
  readonly directory: string;
  /** flock(2): whoever makes, starts or deletes the container holds it. */
  readonly lock: string;
  /** record.ts. */
  readonly state: string;
  /** The configuration as it was carried out: with the user namespace it was given. */
  readonly config: string;
  readonly plan: string;
  /** There until the container is started: its first process waits at it. */
  readonly execFifo: string;
  /** There while its processes are stopped by signals (pause without a freezer). */
  readonly paused: string;
  /** Where its process may tell that it is ready. */
  readonly notify: string;
}

export function containerPaths(root: string, id: string): ContainerPaths {
  checkContainerId(id);
  return pathsIn(join(root, id));
}

function pathsIn(directory: string): ContainerPaths {
  const at = (name: string) => join(directory, name);
  return {
    directory,
    lock: at("lock"),
    state: at("state.json"),
    config: at("config.json"),
    plan: at("plan"),
    execFifo: at("exec.fifo"),
    paused: at("paused"),
    notify: at("notify"),
  };
}

/** Compiled filters, of all containers. No id has a tilde. */
export function seccompPlace(root: string): FilterPlace {
  return { seccomp: join(root, "~seccomp"), lock: (name) => join(root, `~${name}.lock`) };
}

/** A container that nobody else changes meanwhile. The kernel lets go of it when we die. */
export interface HeldContainer extends Disposable {
  readonly paths: ContainerPaths;
}

/** No id has a tilde: what is named so is being made, or being removed. */
const ASIDE = "~aside-";

/** Make the directory of a new container, held. Throws `ALREADY_EXISTS` when the id is taken. */
export async function claimContainer(root: string, id: string): Promise<HeldContainer> {
  const paths = containerPaths(root, id);
  makeStateRoot(root);
  await removeLeftovers(root);
  const draft = join(root, `${ASIDE}${randomUUID()}`);
  await mkdir(draft, { mode: 0o700 });
  const fd = makeLive(draft, "lock", "");
  try {
    await rename(draft, paths.directory);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    closeSync(fd);
    throw claimFault(error, id, root);
  }
  return held(paths, fd);
}

function claimFault(cause: unknown, id: string, root: string): unknown {
  const errno = errnoOf(cause);
  if (errno === "ENOTEMPTY" || errno === "EEXIST" || errno === "ENOTDIR") {
    return new MarmitaError("ALREADY_EXISTS", `container ${id} is there already`, {
      hint: "Delete it first, or take another id.",
      details: { container: id, root },
    });
  }
  if (errno !== "ENAMETOOLONG") return cause;
  return new MarmitaError("INVALID_ARGUMENT", `the id is longer than a name on ${root} may be`, {
    errno,
    cause,
    details: { option: "id" },
  });
}

/**
 * Before anything in it is looked at. Throws `UNAVAILABLE` for a root of somebody else, `NOT_FOUND`, and
 * `CORRUPT` for a link to where others write, or what else is no directory.
 */
export function checkContainerDirectory(root: string, id: string): ContainerPaths {
  const paths = containerPaths(root, id);
  checkStateRoot(root);
  const found = statusOf(paths.directory);
  if (found === undefined) throw notFound(id);
  if (!found.isDirectory()) throw spoilt(paths.directory, "is not a directory");
  return paths;
}

function statusOf(directory: string): Stats | undefined {
  try {
    return lstatSync(directory, { throwIfNoEntry: false });
  } catch (error) {
    if (errnoOf(error) === "ENAMETOOLONG") return undefined;
    throw error;
  }
}

/** Wait for whoever holds it. Throws `NOT_FOUND`, and `UNAVAILABLE` for a root of somebody else. */
export async function holdContainer(
  root: string,
  id: string,
  { signal, timeoutMs }: { signal?: AbortSignal | undefined; timeoutMs?: number } = {},
): Promise<HeldContainer> {
  throwIfAborted(signal);
  const paths = checkContainerDirectory(root, id);
  const deadline = timeoutMs === undefined ? Infinity : performance.now() + timeoutMs;
  const patience = new Patience();
  for (;;) {
    throwIfAborted(signal);
    const fd = tryHold(paths, id);
    if (fd !== undefined && fstatSync(fd).nlink > 0) return held(paths, fd);
    if (fd !== undefined) closeSync(fd); // deleted meanwhile; there may be another one by now
    if (performance.now() >= deadline) {
      throw new MarmitaError("UNAVAILABLE", `container ${id} is still held by another process`, {
        step: "lock",
        details: { container: id },
      });
    }
    await patience.wait(signal);
  }
}

/** Whether somebody holds it: makes it, mostly. */
export function isHeld(paths: ContainerPaths): boolean {
  try {
    const fd = tryLock(paths.lock, "shared", { create: false });
    if (fd !== undefined) closeSync(fd);
    return fd === undefined;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function tryHold(paths: ContainerPaths, id: string): number | undefined {
  try {
    return tryLock(paths.lock, "exclusive", { create: false });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR" || errno === "ENAMETOOLONG") throw notFound(id);
    throw isSpoilt(error) ? spoilt(paths.lock, "cannot be locked", error) : error;
  }
}

export function notFound(id: string): MarmitaError {
  return new MarmitaError("NOT_FOUND", `container ${id} does not exist`, {
    details: { container: id },
  });
}

function held(paths: ContainerPaths, fd: number): HeldContainer {
  let isOpen = true;
  return {
    paths,
    [Symbol.dispose]() {
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  };
}

/** The ids there are, in order. None where there is no such directory. */
export async function listContainerIds(root: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && isContainerId(entry.name))
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** From one moment on it is not there; what it was made of goes after. */
export async function removeContainerDirectory(root: string, paths: ContainerPaths): Promise<void> {
  const aside = join(root, `${ASIDE}${randomUUID()}`);
  try {
    await rename(paths.directory, aside);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  await rm(aside, { recursive: true, force: true });
}

/** Whoever was killed while making or removing one has left it. */
async function removeLeftovers(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith(ASIDE)) continue;
    const directory = join(root, name);
    if (await isAbandoned(directory)) await rm(directory, { recursive: true, force: true });
  }
}

/** In the moment before its lock is there it is somebody's, too. */
const YOUNG_MS = 60_000;

async function isAbandoned(directory: string): Promise<boolean> {
  if (isHeld(pathsIn(directory))) return false;
  const found = await lstat(directory).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > YOUNG_MS;
}
