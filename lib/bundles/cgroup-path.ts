/** `linux.cgroupsPath` → which group, by which manager: no look at the machine. */
import { createHash } from "node:crypto";
import { MarmitaError } from "../errors.ts";
import { cgroupName } from "../runtime/cgroup-name.ts";
import { partsOf } from "./cgroup-host.ts";
import type { CgroupManager } from "./options.ts";

/** NAME_MAX: of one directory, and of systemd's units. */
const LONGEST_NAME = 255;

export interface SystemdPlace {
  readonly slice: string;
  readonly unit: string;
}

/** `slice:prefix:name` is systemd's; everything else is a path. */
export function chooseManager(path: string | undefined, asked?: CgroupManager): CgroupManager {
  return asked ?? (path !== undefined && isSystemdPath(path) ? "systemd" : "cgroupfs");
}

function isSystemdPath(path: string): boolean {
  return /^[^/:]*:[^/:]*:[^/:]+$/.test(path);
}

/** A path below the mount, `/` and on. Throws `INVALID_ARGUMENT`. */
export function parseCgroupsPath(path: string): string {
  const parts = partsOf(path);
  const isLong = parts.some((part) => Buffer.byteLength(part) > LONGEST_NAME);
  if (parts.length === 0) throw invalid(path, "names the root of all control groups");
  if (parts.includes("..")) throw invalid(path, "leads out by `..`");
  if (isLong) throw invalid(path, `has a name of more than ${LONGEST_NAME} bytes`);
  // A line of /proc/PID/cgroup ends there: the kernel makes no such directory.
  if (/[\n\0]/.test(path)) throw invalid(path, "has a line feed or a NUL byte");
  return `/${parts.join("/")}`;
}

/** The name of the group of a container that nobody chose one for. */
export function defaultName(id: string): string {
  return shortened(cgroupName(id), LONGEST_NAME);
}

/**
 * As runc reads it: `slice:prefix:name` is `prefix-name.scope` in that slice. Throws
 * `INVALID_ARGUMENT`.
 */
export function parseSystemdPath(
  path: string | undefined,
  { id, isUser }: { readonly id: string; readonly isUser: boolean },
): SystemdPlace {
  const slice = isUser ? "user.slice" : "system.slice";
  if (path === undefined || path === "") {
    return { slice, unit: `${shortened(escaped(cgroupName(id)), LONGEST_NAME - 6)}.scope` };
  }
  if (!isSystemdPath(path)) throw invalid(path, "is not `slice:prefix:name`, as systemd takes it");
  const [ofSlice = "", prefix = "", name = ""] = path.split(":");
  const chosen = ofSlice === "" ? slice : ofSlice;
  const unit = `${prefix === "" ? "" : `${prefix}-`}${name}.scope`;
  for (const word of [chosen, unit]) {
    if (!UNIT_NAME.test(word) || word.length > LONGEST_NAME) {
      throw invalid(path, `makes ${JSON.stringify(word)}, which is no name of a unit`);
    }
  }
  if (!chosen.endsWith(".slice")) throw invalid(path, "begins with no name of a slice");
  return { slice: chosen, unit };
}

/** systemd.unit(5). */
const UNIT_NAME = /^[A-Za-z0-9:_.\\@-]+$/;

function escaped(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9:_.-]/g, (letter) => {
    return `\\x${letter.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** Two long ids differ in the digest, wherever else they do. */
function shortened(name: string, most: number): string {
  if (name.length <= most) return name;
  const digest = createHash("sha256").update(name).digest("hex").slice(0, 32);
  return `${name.slice(0, most - digest.length - 1)}-${digest}`;
}

function invalid(path: string, why: string): MarmitaError {
  const field = "linux.cgroupsPath";
  const message = `${field} ${JSON.stringify(path)} ${why}`;
  return new MarmitaError("INVALID_ARGUMENT", message, { details: { field, value: path } });
}
