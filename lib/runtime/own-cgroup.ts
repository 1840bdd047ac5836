/** The control group that a container has for itself, where it has one: found through /proc. */
import { accessSync, constants, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupName } from "./cgroup-name.ts";
import { readProc } from "./processes.ts";

const MOUNT = "/sys/fs/cgroup";

/** Its directory; `undefined` for a container that shares that of whoever started it. */
export function findOwnCgroup(first: number, id: string): string | undefined {
  const path = /^0::(\/.*)$/m.exec(readProc(`${first}/cgroup`) ?? "")?.[1];
  if (path === undefined || !path.endsWith(`/${cgroupName(id)}`)) return undefined;
  return path.split("/").includes("..") ? undefined : join(MOUNT, path); // of another tree
}

/** Whether whoever is started from here may have one below ours, as native/init/cgroup.c looks. */
export function canMakeCgroups(): boolean {
  const path = /^0::(\/.*)$/m.exec(readProc("self/cgroup") ?? "")?.[1];
  if (path === undefined || path.split("/").includes("..")) return false;
  const own = join(MOUNT, path);
  try {
    accessSync(own, constants.W_OK);
    accessSync(join(own, "cgroup.procs"), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** One of its files; `undefined` where it has none: the controller is not there. */
export function readCgroupFile(directory: string, name: string): string | undefined {
  try {
    return readFileSync(join(directory, name), "utf8");
  } catch {
    return undefined;
  }
}

/** Throws as node:fs does. */
export function writeCgroupFile(directory: string, name: string, text: string): void {
  writeFileSync(join(directory, name), text);
}

/** A line `key value` of such a file. */
export function cgroupValue(text: string | undefined, key: string): number | undefined {
  const value = new RegExp(`^${key} (\\d+)$`, "m").exec(text ?? "")?.[1];
  return value === undefined ? undefined : Number(value);
}
