/** The tree of control groups of this machine: which kind it is, and where we are in it. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import { readProc } from "../runtime/processes.ts";

export interface CgroupHost {
  /** Where version 2 is mounted with all its controllers; absent: version 1, both, or none. */
  readonly mount?: string | undefined;
  /** The group of this process below it, `/` and on; absent where it lies outside of what we see. */
  readonly own?: string | undefined;
  /** The user's own systemd can be asked, as far as that can be seen. */
  readonly hasUserBus?: boolean | undefined;
}

const MOUNT = "/sys/fs/cgroup";
const CGROUP2_MAGIC = 0x63677270;

/** Hybrid trees count as version 1: their part of version 2 has no controllers. */
export function findCgroupHost(mount: string = MOUNT): CgroupHost {
  if (!isVersion2(mount)) return {};
  const hasUserBus = !isMachineRoot() && existsSync(`${userRuntime()}/bus`);
  return { mount, own: groupOf("self"), hasUserBus };
}

/** sudo, cron and containers often lose the variable: the place is a fixed one. */
export function userRuntime(): string {
  return process.env["XDG_RUNTIME_DIR"] ?? `/run/user/${process.getuid?.() ?? 0}`;
}

function isVersion2(mount: string): boolean {
  try {
    return statfsSync(mount).type === CGROUP2_MAGIC;
  } catch {
    return false;
  }
}

/** The group of a process in the tree of version 2, as our cgroup namespace shows it. */
export function groupOf(pid: number | "self"): string | undefined {
  const path = /^0::(\/.*)$/m.exec(readProc(`${pid}/cgroup`) ?? "")?.[1];
  return path === undefined || path.split("/").includes("..") ? undefined : path;
}

/**
 * Whether a process of ours may be moved, or cloned, from where we are to the group `path`: that
 * takes the right to write to `cgroup.procs` of what both are below (cgroups(7), "Delegation").
 */
export function canEnter({ mount, own }: CgroupHost, path: string): boolean {
  if (mount === undefined || own === undefined) return false;
  const [ours, theirs] = [partsOf(own), partsOf(path)];
  const end = ours.findIndex((part, index) => part !== theirs[index]);
  return isWritable(join(mount, ...ours.slice(0, end < 0 ? undefined : end), "cgroup.procs"));
}

export function partsOf(path: string): readonly string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Such a file takes a line at a time, and is there or not: none is ever made. Throws as node:fs, and
 * `INVALID_ARGUMENT` for a name that is a path: it would be the file of another group.
 */
export function writeGroupFile(directory: string, name: string, text: string): void {
  if (name.includes("/")) {
    throw new MarmitaError("INVALID_ARGUMENT", `${JSON.stringify(name)} is no file of a group`, {
      step: "cgroup",
      details: { directory, file: name },
    });
  }
  const fd = openSync(join(directory, name), constants.O_WRONLY);
  try {
    for (const line of text.split("\n")) if (line !== "") writeSync(fd, line);
  } finally {
    closeSync(fd);
  }
}

/** Root of the machine, and not only of a user namespace. */
export function isMachineRoot(): boolean {
  const map = readProc("self/uid_map")?.trim().split(/\s+/);
  return process.geteuid?.() === 0 && map?.join(" ") === "0 0 4294967295";
}
