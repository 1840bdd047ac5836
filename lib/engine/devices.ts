/** Device nodes of this machine for a container: looked at when it is made, bound when it starts. */
import { constants } from "node:fs";
import { access, readdir, realpath, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { MarmitaError } from "../errors.ts";
import type { Device } from "../runtime/confinement.ts";
import type { BindRequest } from "../runtime/mounts.ts";
import { errnoOf } from "../util/system-error.ts";

export interface FoundDevices {
  readonly requests: readonly BindRequest[];
  /** A sentence each. */
  readonly notes: readonly string[];
}

/**
 * A directory stands for all devices in it, as in Docker. Throws `INVALID_ARGUMENT` for what is no
 * device, and `UNAVAILABLE` for one that this user may not open: a container cannot either.
 */
export async function findDevices(devices: readonly Device[]): Promise<FoundDevices> {
  const nodes = (await Promise.all(devices.map(nodesOf))).flat();
  const byGroup = nodes.filter(({ needsGroup }) => needsGroup).map(({ source }) => source);
  return {
    requests: nodes.map(({ source, target }) => ({
      type: "bind",
      source,
      target,
      // Of the node, not of the device: nobody changes its owner and permissions.
      readOnly: true,
      nosuid: true,
      noexec: true,
      isFile: true,
    })),
    notes:
      byGroup.length === 0
        ? []
        : [
            `${byGroup.join(", ")}: open to this user by a group, which a container has with ` +
              'groupAdd: ["keep-groups"] only',
          ],
  };
}

interface Node {
  readonly source: string;
  readonly target: string;
  /** Who is in none of the caller's other groups may not open it. */
  readonly needsGroup: boolean;
}

async function nodesOf({ source, target = source }: Device): Promise<readonly Node[]> {
  const path = await look(source, (place) => realpath(place));
  const found = await look(path, (place) => stat(place));
  if (!found.isDirectory()) return [await nodeOf(path, posix.resolve("/", target))];
  const nodes: Node[] = [];
  for (const entry of await look(path, (directory) =>
    readdir(directory, { withFileTypes: true }),
  )) {
    const place = { source: join(path, entry.name), target: posix.join("/", target, entry.name) };
    if (entry.isDirectory()) nodes.push(...(await nodesOf(place)));
    else if (entry.isCharacterDevice() || entry.isBlockDevice()) {
      nodes.push(await nodeOf(place.source, place.target));
    }
  }
  if (nodes.length > 0) return nodes;
  throw new MarmitaError("INVALID_ARGUMENT", `no devices in directory ${source}`, {
    details: { device: source },
  });
}

async function nodeOf(source: string, target: string): Promise<Node> {
  const found = await look(source, (place) => stat(place));
  if (!found.isCharacterDevice() && !found.isBlockDevice()) {
    throw new MarmitaError("INVALID_ARGUMENT", `not a device: ${source}`, {
      details: { device: source },
    });
  }
  if (!(await mayOpen(source))) {
    throw new MarmitaError("UNAVAILABLE", `device ${source} cannot be opened by this user`, {
      errno: "EACCES",
      hint:
        "A container without root of this machine has no more than its caller: " +
        `ls -l ${source} shows whose it is, and membership in its group gives it.`,
      details: { device: source },
    });
  }
  return { source, target, needsGroup: needsGroup(found) };
}

async function mayOpen(path: string): Promise<boolean> {
  for (const mode of [constants.R_OK, constants.W_OK]) {
    const may = await access(path, mode).then(
      () => true,
      () => false,
    );
    if (may) return true;
  }
  return false;
}

interface Owned {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

function needsGroup({ uid, gid, mode }: Owned): boolean {
  const own = process.geteuid?.() ?? 0;
  return own !== 0 && own !== uid && process.getegid?.() !== gid && (mode & 0o006) === 0;
}

async function look<T>(path: string, how: (path: string) => Promise<T>): Promise<T> {
  try {
    return await how(path);
  } catch (cause) {
    const errno = errnoOf(cause);
    const isMissing = errno === "ENOENT" || errno === "ENOTDIR";
    throw new MarmitaError(
      isMissing ? "INVALID_ARGUMENT" : "UNAVAILABLE",
      `device ${path} ${isMissing ? "does not exist" : "cannot be looked at"}`,
      { cause, errno, details: { device: path } },
    );
  }
}
