/** Image `host` on this machine: reads what is there, makes the directories, says the defaults. */
import { accessSync, constants, lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { access, chmod, chown, lstat, mkdir, readFile, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, relative } from "node:path";
import { MarmitaError } from "../errors.ts";
import { storeError } from "../store/store-error.ts";
import { errnoOf } from "../util/system-error.ts";
import { filesystemType } from "./filesystems.ts";
import {
  type HostDirectory,
  type HostEntry,
  type HostRoot,
  type HostTree,
  planHostRoot,
} from "./host-image.ts";
import { isWithin, parseMountinfo } from "./mountinfo.ts";
import type { ImageDefaults } from "./spec-input.ts";
import type { StorageDriver } from "./storage-driver.ts";

export interface HostRootOptions {
  readonly id: string;
  /** Where the container's directory will be. */
  readonly bundle: string;
  readonly dataRoot: string;
  readonly driver: StorageDriver;
}

/** Throws `UNSUPPORTED` where the kernel's overlay is not to be had. */
export async function readHostRoot(options: HostRootOptions): Promise<HostRoot> {
  if (options.driver.name !== "overlay") {
    throw new MarmitaError("UNSUPPORTED", "image host needs the storage driver overlay", {
      step: "overlay",
      details: { driver: options.driver.name },
    });
  }
  const home = homedir();
  const [mountinfo, dataRoot, scratch, visible] = await Promise.all([
    readFile("/proc/self/mountinfo", "utf8"),
    realpath(options.dataRoot),
    scratchPlaces(["/var/tmp", "/tmp", join(home, ".cache")]),
    Promise.all([process.cwd(), home].map((path) => realpath(path).catch(() => path))),
  ]);
  return planHostRoot({
    tree: THIS_TREE,
    mounts: parseMountinfo(mountinfo),
    bundle: join(dataRoot, relative(options.dataRoot, options.bundle)),
    dataRoot,
    visible,
    scratch,
    uid: process.geteuid?.() ?? 0,
    id: options.id,
  });
}

/** Those that are there and may be written; memory last: overlayfs takes it from Linux 6.6 on. */
async function scratchPlaces(paths: readonly string[]): Promise<readonly string[]> {
  const real = await Promise.all(paths.map(scratchPlace));
  const found = [...new Set(real.filter((path) => path !== undefined))];
  const inMemory = (path: string) => (filesystemType(dirname(path)) === "tmpfs" ? 1 : 0);
  return found.sort((one, other) => inMemory(one) - inMemory(other));
}

/** A name there that is ours or free: whoever took the first one gets nothing but the next. */
async function scratchPlace(directory: string): Promise<string | undefined> {
  try {
    await access(directory, constants.W_OK | constants.X_OK);
    const place = join(await realpath(directory), `marmita-${process.geteuid?.() ?? 0}`);
    for (const path of [
      place,
      ...Array.from({ length: 9 }, (_, count) => `${place}-${count + 1}`),
    ]) {
      const found = await lstat(path).catch(() => undefined);
      if (found === undefined || isPrivate(found)) return path;
    }
  } catch {
    // Not there, or not ours to write: another place, then.
  }
  return undefined;
}

function isPrivate(found: Stats): boolean {
  return found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o77) === 0;
}

/**
 * Make the directories of a container whose bundle is still `draft`. Others' directories in
 * shared places are refused with `CONFLICT`: what a container writes is for its owner alone.
 */
export async function makeHostDirectories(
  root: HostRoot,
  { bundle, draft }: { readonly bundle: string; readonly draft: string },
): Promise<void> {
  for (const path of root.extraPaths) await makePrivate(dirname(path));
  for (const directory of root.directories) {
    const isInside = isWithin(directory.path, bundle);
    const path = isInside ? join(draft, relative(bundle, directory.path)) : directory.path;
    await makeOne({ ...directory, path });
  }
}

async function makeOne({ path, mode, uid, gid }: HostDirectory): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (process.geteuid?.() === 0 && uid !== undefined && gid !== undefined) {
    // An id that this user namespace does not have stays root's.
    await chown(path, uid, gid).catch(() => undefined);
  }
  await chmod(path, mode);
}

async function makePrivate(path: string): Promise<void> {
  const made = await mkdir(path, { mode: 0o700 }).then(
    () => true,
    (error: unknown) => {
      if (errnoOf(error) === "EEXIST") return false;
      throw storeError(error, `make ${path}`);
    },
  );
  if (made) return;
  if (isPrivate(await lstat(path))) return;
  throw new MarmitaError("CONFLICT", `${path} must be a directory of this user alone`, {
    details: { path },
  });
}

/** Passed on to the container. Everything else may be a secret: API keys are kept there. */
const PASSED =
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM|COLORTERM|NO_COLOR)$/;

/** In the place of an image's config: the caller's shell, environment and directory. */
export function hostDefaults(
  env: NodeJS.ProcessEnv = process.env,
  directory = process.cwd(),
): ImageDefaults {
  const kept = Object.entries(env).flatMap(([name, value]) => {
    return value !== undefined && PASSED.test(name) ? [`${name}=${value}`] : [];
  });
  const isFresh = /^\/(?:proc|sys|dev)(?:\/|$)/.test(directory);
  return {
    Env: kept,
    Cmd: [env["SHELL"] ?? "/bin/sh"],
    // What lies there is not the machine's in a container.
    WorkingDir: isFresh ? (env["HOME"] ?? "/") : directory,
  };
}

const THIS_TREE: HostTree = {
  list(path) {
    try {
      return readdirSync(path).flatMap((name) => entryOf(path, name));
    } catch {
      return undefined;
    }
  },
};

function entryOf(directory: string, name: string): readonly HostEntry[] {
  const path = join(directory, name);
  try {
    const stats = lstatSync(path);
    const { uid, gid } = stats;
    const kind = kindOf(stats);
    const link = kind === "symlink" ? { link: readlinkSync(path) } : {};
    const isReadable = kind !== "symlink" && mayRead(path, kind === "directory");
    return [{ name, kind, mode: stats.mode & 0o7777, uid, gid, isReadable, ...link }];
  } catch {
    return []; // gone meanwhile, or behind a file system that does not answer
  }
}

function kindOf(stats: Stats): HostEntry["kind"] {
  if (stats.isDirectory()) return "directory";
  if (stats.isSymbolicLink()) return "symlink";
  return stats.isFile() ? "file" : "other";
}

function mayRead(path: string, isDirectory: boolean): boolean {
  try {
    accessSync(path, constants.R_OK | (isDirectory ? constants.X_OK : 0));
    return true;
  } catch {
    return false;
  }
}
