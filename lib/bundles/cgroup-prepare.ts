/** Which group a container gets, and the steps to it: by directories, or by systemd. */
import { closeSync } from "node:fs";
import { join } from "node:path";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { tryLock } from "../native/syscalls.ts";
import type { Resources, RuntimeSpec } from "../oci/runtime-spec.ts";
import { errnoWords } from "../util/errno.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import { applyDevices, needsDeviceRules } from "./cgroup-device-rules.ts";
import { type CgroupHost, canEnter, groupOf } from "./cgroup-host.ts";
import { tellMissing, writeLimits } from "./cgroup-limits.ts";
import { ownerOf } from "./cgroup-owner.ts";
import { defaultName, parseCgroupsPath, parseSystemdPath } from "./cgroup-path.ts";
import { annotatedProperties, scopeProperties } from "./cgroup-properties.ts";
import { groupWrites, refuseVersion1 } from "./cgroup-resources.ts";
import type { CgroupState } from "./cgroup-state.ts";
import { isUsersManager, startScope, stopScope } from "./cgroup-systemd.ts";
import {
  giveGroup,
  inodeOf,
  isFrozen,
  isPopulated,
  makeGroup,
  missingGroups,
  removeMade,
} from "./cgroup-tree.ts";
import type { CgroupManager } from "./options.ts";

export interface GroupRequest {
  readonly id: string;
  readonly spec: RuntimeSpec;
  readonly manager: CgroupManager;
  readonly isRequired: boolean;
  readonly onWarning: (text: string) => void;
  readonly onIntended?: ((state: CgroupState | undefined) => Promise<void>) | undefined;
  readonly onLocked?: ((lock: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly host: CgroupHost;
}

const DISABLED = "control groups are disabled";
const NO_VERSION_2 = "this host has no control groups of version 2 alone (cgroup v2)";
const NOT_OURS = "no control group here is this user's to write to";
const FORBIDDEN = new Set(["EACCES", "EPERM", "EROFS"]);

/** As `prepareCgroup` says. */
export async function prepareGroup(request: GroupRequest): Promise<CgroupState | undefined> {
  const { spec, manager, host } = request;
  const path = spec.linux.cgroupsPath ?? "";
  refuseVersion1(resourcesOf(spec));
  if (manager === "disabled") return without(request, DISABLED);
  if (host.mount === undefined) return without(request, NO_VERSION_2);
  if (manager === "systemd") return announceScope(request);
  return path === "" ? defaultGroup(request) : givenGroup(request, parseCgroupsPath(path));
}

function resourcesOf(spec: RuntimeSpec): Resources {
  return spec.linux.resources ?? {};
}

/** It stays in the group of whoever starts it: that is worth a word only where limits were asked for. */
function without({ spec, isRequired, onWarning }: GroupRequest, why: string): undefined {
  const writes = groupWrites(resourcesOf(spec)).filter(({ isOptional }) => isOptional !== true);
  const fields = [...new Set(writes.map(({ field }) => field))];
  if (needsDeviceRules(spec)) fields.push("devices");
  if (fields.length > 0) onWarning(tellMissing(fields, { why, isRequired }));
}

async function givenGroup(request: GroupRequest, path: string): Promise<CgroupState | undefined> {
  try {
    return await groupAt(request, path);
  } catch (error) {
    if (error instanceof MarmitaError) throw error;
    const errno = errnoOf(error) ?? "EIO";
    const message = `control group ${path} cannot be made: ${errnoWords(errno)}`;
    if (FORBIDDEN.has(errno)) return without(request, message);
    throw new MarmitaError("START_FAILED", message, {
      step: "cgroup",
      errno,
      details: { field: "linux.cgroupsPath", value: path },
      cause: error,
    });
  }
}

/**
 * At the top where we may, else beside our own group, else below it: there it can be frozen and
 * counted, but has no limits.
 */
async function defaultGroup(request: GroupRequest): Promise<CgroupState | undefined> {
  const { own } = request.host;
  const name = defaultName(request.id);
  const near = own === undefined || own === "/" ? [] : [join(own, "..", name), join(own, name)];
  for (const path of [`/${name}`, ...near]) {
    try {
      return await groupAt(request, path);
    } catch (error) {
      if (error instanceof MarmitaError || !FORBIDDEN.has(errnoOf(error) ?? "")) throw error;
    }
  }
  return without(request, NOT_OURS);
}

/** Throws as node:fs does where it cannot be made. */
async function groupAt(request: GroupRequest, path: string): Promise<CgroupState> {
  const { host, spec, onIntended } = request;
  if (host.mount === undefined || !canEnter(host, path)) {
    throw Object.assign(new Error(`not allowed to enter ${path}`), { code: "EACCES" });
  }
  const directory = join(host.mount, path);
  checkFit(directory); // before anybody is told that it is ours to empty
  await onIntended?.({ manager: "cgroupfs", directory, made: missingGroups(host.mount, path) });
  const made = makeGroup(host.mount, path);
  let lock: number | undefined;
  let rules: Pick<CgroupState, "hasDeviceRules">;
  try {
    lock = lockGroup(directory);
    checkFit(directory); // who had the lock before may have put processes in
    giveTo(directory, ownerOf(spec));
    rules = await limit(request, directory);
  } catch (error) {
    if (!isTaken(error)) removeMade(made);
    if (lock !== undefined) closeSync(lock);
    await onIntended?.(undefined);
    throw error;
  }
  if (lock !== undefined) (request.onLocked ?? closeSync)(lock);
  return { manager: "cgroupfs", directory, inode: inodeOf(directory), made, ...rules };
}

/**
 * Of two that make a container in one group, the one that comes first has it. `undefined` where the
 * group has no such file: it is none. Throws `CONFLICT`.
 */
function lockGroup(directory: string): number | undefined {
  try {
    const lock = tryLock(join(directory, "cgroup.procs"), "exclusive", { create: false });
    if (lock !== undefined) return lock;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  throw unfit(directory, "is being given to another container");
}

const isTaken = (error: unknown) => isMarmitaError(error, "CONFLICT");

/** What would end, or stop, the processes of somebody else with it is refused (runtime-spec). */
function checkFit(directory: string): void {
  const why = isPopulated(directory) ? "has processes" : isFrozen(directory) ? "is frozen" : "";
  if (why !== "") throw unfit(directory, why);
}

function unfit(directory: string, why: string): MarmitaError {
  return new MarmitaError("CONFLICT", `control group ${directory} ${why}`, {
    step: "cgroup",
    hint: "another container has this cgroupsPath; delete it, or choose another one",
    details: { field: "linux.cgroupsPath", directory },
  });
}

/** An ordinary user cannot, and need not: the group is his own, who is the container's root. */
function giveTo(directory: string, uid: number | undefined): void {
  try {
    if (uid !== undefined) giveGroup(directory, uid);
  } catch (error) {
    if (errnoOf(error) !== "EPERM") throw error;
  }
}

async function limit(
  { spec, isRequired, onWarning }: GroupRequest,
  directory: string,
): Promise<Pick<CgroupState, "hasDeviceRules">> {
  const missing = [...writeLimits(directory, groupWrites(resourcesOf(spec)))];
  const hasDeviceRules = await applyDevices(directory, spec);
  if (!hasDeviceRules && needsDeviceRules(spec)) missing.push("devices");
  if (missing.length > 0) {
    const why = `control group ${directory} has no means for them`;
    onWarning(tellMissing(missing, { why, isRequired }));
  }
  return hasDeviceRules ? { hasDeviceRules } : {};
}

/** All that can be refused without systemd is refused now. */
function announceScope({ id, spec }: GroupRequest): CgroupState {
  const isUser = isUsersManager();
  const { unit } = parseSystemdPath(spec.linux.cgroupsPath, { id, isUser });
  groupWrites(resourcesOf(spec));
  propertiesOf(spec);
  return { manager: "systemd", unit, isUser };
}

function propertiesOf(spec: RuntimeSpec): ReturnType<typeof scopeProperties> {
  return [...scopeProperties(resourcesOf(spec)), ...annotatedProperties(spec.annotations ?? {})];
}

/** As `settleCgroup` says. */
export async function settleScope(
  request: GroupRequest,
  pid: number,
): Promise<CgroupState | undefined> {
  const { id, spec, host, signal, onWarning } = request;
  const isUser = isUsersManager();
  const place = parseSystemdPath(spec.linux.cgroupsPath, { id, isUser });
  const description = `marmita container ${id}`;
  try {
    await startScope({
      ...place,
      isUser,
      pid,
      description,
      properties: propertiesOf(spec),
      signal,
    });
  } catch (error) {
    if (!(error instanceof MarmitaError) || error.code !== "UNAVAILABLE") throw error;
    onWarning(error.message);
    return without(request, error.message);
  }
  const path = groupOf(pid);
  const state: CgroupState = { manager: "systemd", unit: place.unit, isUser };
  if (path === undefined || host.mount === undefined) return state;
  const directory = join(host.mount, path);
  try {
    giveTo(directory, ownerOf(spec));
    await limit(request, directory);
  } catch (error) {
    await stopScope(place.unit, isUser).catch(() => undefined); // the first error is the one to tell
    throw error;
  }
  return { ...state, directory, inode: inodeOf(directory) };
}
