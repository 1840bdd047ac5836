/** What bind mounts are made from: paths of this machine, looked at when a container is made. */
import { mkdir, readFile, realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { MarmitaError } from "../errors.ts";
import { MountTable, parseMountinfo } from "../runtime/mountinfo.ts";
import { errnoOf } from "../util/system-error.ts";
import type { BindMount } from "./mounts.ts";

export interface BindSource {
  /** Absolute. */
  readonly path: string;
  readonly isFile: boolean;
}

/**
 * Look at a mount's source, made where that is asked for. Throws `INVALID_ARGUMENT` for one that
 * does not exist or cannot pass on mounts, `UNAVAILABLE` for one that may not be looked at.
 */
export async function bindSource(mount: BindMount): Promise<BindSource> {
  const path = resolve(mount.source);
  try {
    const isFile = await look(path, mount.createSource === true);
    await checkPropagation(path, mount);
    return { path, isFile };
  } catch (error) {
    if (errnoOf(error) === "EACCES") throw await outOfReach(path, error);
    throw error;
  }
}

async function look(path: string, create: boolean): Promise<boolean> {
  try {
    return !(await stat(path)).isDirectory();
  } catch (cause) {
    const errno = errnoOf(cause);
    if (create && errno === "ENOENT") return make(path, cause);
    if (errno === "ENOENT" || errno === "ENOTDIR") throw missing(path, cause);
    throw cause;
  }
}

/** As Docker makes it; a link that leads nowhere is not followed. */
async function make(path: string, cause: unknown): Promise<boolean> {
  try {
    await mkdir(path, { recursive: true });
    return false;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== "EEXIST" && errno !== "ENOENT" && errno !== "ENOTDIR") throw error;
    // Somebody else may have made it just now.
    if ((await stat(path).catch(() => undefined)) === undefined) throw missing(path, cause);
    return look(path, false);
  }
}

function missing(source: string, cause: unknown): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", `mount source does not exist: ${source}`, {
    cause,
    errno: errnoOf(cause) ?? "ENOENT",
    details: { source },
  });
}

/** Which directory on the way keeps us out. */
async function outOfReach(source: string, cause: unknown): Promise<MarmitaError> {
  let closed = source;
  while (closed !== "/" && errnoOf(await failureAt(closed)) === "EACCES") closed = dirname(closed);
  return new MarmitaError("UNAVAILABLE", `mount source may not be looked at: ${source}`, {
    cause,
    errno: "EACCES",
    hint: `this user may not enter ${closed}; in a container its root may do no more than that`,
    details: { source, path: closed },
  });
}

async function failureAt(path: string): Promise<unknown> {
  return stat(path).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** As in Docker: what never can arrive is not asked for by mistake only. */
async function checkPropagation(path: string, { propagation }: BindMount): Promise<void> {
  if (propagation === undefined || !/^r?(?:shared|slave)$/.test(propagation)) return;
  const mounts = parseMountinfo(await readFile("/proc/self/mountinfo", "utf8"));
  const mount = new MountTable(mounts).containing(await realpath(path));
  if (mount === undefined || mount.isShared || mount.isSlave) return;
  const message = `path ${path} is mounted on ${mount.path} but it is not a shared or slave mount`;
  throw new MarmitaError("INVALID_ARGUMENT", message, {
    hint: `nothing would be passed on; as root: mount --make-shared ${mount.path}`,
    details: { source: path, mount: mount.path, propagation },
  });
}
