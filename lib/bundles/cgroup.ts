/** The control group of a container that is made of a bundle. */
import { isMarmitaError } from "../errors.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { Patience } from "../util/patience.ts";
import { errnoOf } from "../util/system-error.ts";
import { type CgroupHost, canEnter, findCgroupHost, writeGroupFile } from "./cgroup-host.ts";
import { requiresResources } from "./cgroup-limits.ts";
import { hasLimits } from "./cgroup-resources.ts";
import { chooseManager } from "./cgroup-path.ts";
import { type GroupRequest, prepareGroup, settleScope } from "./cgroup-prepare.ts";
import type { CgroupState } from "./cgroup-state.ts";
import { stopScope } from "./cgroup-systemd.ts";
import {
  inodeOf,
  isFrozen,
  isPopulated,
  processesIn,
  removeGroup,
  removeMade,
} from "./cgroup-tree.ts";
import type { CgroupManager } from "./options.ts";

export interface CgroupRequest {
  readonly id: string;
  readonly spec: RuntimeSpec;
  /**
   * Default: by the form of `linux.cgroupsPath`; where there is none, `systemd` when an ordinary user
   * asks for limits and has a systemd, else `cgroupfs`.
   */
  readonly manager?: CgroupManager | undefined;
  /** What cannot be had is a failure, as with the annotation `io.marmita.require`. */
  readonly isRequired: boolean;
  readonly onWarning: (text: string) => void;
  /**
   * Told what is going to be made, before any of it is: whoever is killed then leaves no riddle. And
   * `undefined` when it is not, after all.
   */
  readonly onIntended?: ((state: CgroupState | undefined) => Promise<void>) | undefined;
  /**
   * Given a descriptor by which nobody else makes a container in the group: to be closed when the first
   * process is in it, or all is undone. Default: at once.
   */
  readonly onLocked?: ((lock: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** In the place of this machine's, for tests. */
  readonly host?: CgroupHost | undefined;
}

/**
 * Make it, with the limits of `linux.resources`, before the container's first process is there, which
 * is cloned into `directory`. `undefined`: it stays in the group of whoever makes it. One of systemd
 * has no directory yet: the first process has to wait (operation `cgroup-wait`) for `settleCgroup`.
 *
 * Throws `INVALID_ARGUMENT` and `UNSUPPORTED` with `details.field`, `CONFLICT` for a group that has
 * processes or is frozen, and `UNAVAILABLE` for limits that are required; nothing is left then.
 */
export function prepareCgroup(request: CgroupRequest): Promise<CgroupState | undefined> {
  return prepareGroup(completed(request));
}

/** Whether `settleCgroup` is still to come. */
export function awaitsProcess(state: CgroupState): boolean {
  return state.manager === "systemd" && state.directory === undefined;
}

/**
 * What can be done with the container's first process only, which waits meanwhile: where systemd
 * cannot be asked there is a warning, and `undefined`. Throws as `prepareCgroup` does.
 */
export async function settleCgroup(
  state: CgroupState,
  request: CgroupRequest & { readonly pid: number },
): Promise<CgroupState | undefined> {
  return awaitsProcess(state) ? settleScope(completed(request), request.pid) : state;
}

function completed(request: CgroupRequest): GroupRequest {
  const { spec, manager, isRequired, host = findCgroupHost() } = request;
  return {
    ...request,
    host,
    manager: manager ?? probedManager(spec, host),
    isRequired: isRequired || requiresResources(spec.annotations),
  };
}

/**
 * Of a container that nobody chose a place for: systemd's where limits are asked for, the top is not
 * ours, and systemd is there. What others make beside its units it takes the controllers from.
 */
function probedManager({ linux }: RuntimeSpec, host: CgroupHost): CgroupManager {
  const { cgroupsPath = "", resources = {} } = linux;
  const isFree = cgroupsPath === "" && host.hasUserBus === true && !canEnter(host, "/any");
  return isFree && hasLimits(resources) ? "systemd" : chooseManager(cgroupsPath);
}

/**
 * Remove it, with what is below it; nothing is left in it. One that is gone already is fine, and one
 * by its name that is another's is let be. Throws `CONFLICT` where it is still in use after 10 s.
 */
export async function removeCgroup(state: CgroupState): Promise<void> {
  const { manager, unit, isUser = false, made = [] } = state;
  const directory = ownDirectory(state);
  if (directory !== undefined) killGroup(directory);
  if (manager === "cgroupfs") {
    if (directory === undefined) removeMade(made);
    else await removeGroup(directory, made);
  } else if (directory !== undefined && unit !== undefined) {
    await endScope(directory, { unit, isUser });
  }
}

/** Where it is, as long as it is the one that we made. */
function ownDirectory({ directory, inode }: CgroupState): string | undefined {
  if (directory === undefined || inode === undefined) return undefined;
  return inodeOf(directory) === inode ? directory : undefined;
}

const LONGEST_SCOPE_MS = 1_000;

/**
 * systemd takes a scope away by itself once nothing is in it; it is asked to where it does not. Of one
 * that never had its directory noted nobody knows whose it is: what was to be in it has ended.
 */
async function endScope(
  directory: string,
  { unit, isUser }: { readonly unit: string; readonly isUser: boolean },
): Promise<void> {
  const patience = new Patience();
  const deadline = performance.now() + LONGEST_SCOPE_MS;
  while (performance.now() < deadline) {
    if (inodeOf(directory) === undefined) return;
    await patience.wait();
  }
  try {
    await stopScope(unit, isUser);
  } catch (error) {
    if (isPopulated(directory) || !isMarmitaError(error, "UNAVAILABLE")) throw error;
  }
}

/** FIXME: drop what others do without it when Linux 5.14 is our floor. */
function killGroup(directory: string): void {
  try {
    writeGroupFile(directory, "cgroup.kill", "1");
  } catch {
    for (const pid of processesIn(directory)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended meanwhile; or is not ours: then it is in use, as its removal says.
      }
    }
  }
}

/** All processes in it and below it; `undefined` where that cannot be told. */
export function cgroupPids(state: CgroupState): readonly number[] | undefined {
  const directory = ownDirectory(state);
  return directory === undefined ? undefined : processesIn(directory);
}

const LONGEST_FREEZE_MS = 10_000;

/**
 * False where it has no freezer, or not all stand still within 10 s: then they go on. Resolves when
 * all of its processes stand still, or go on.
 */
export async function freezeCgroup(state: CgroupState, isOn: boolean): Promise<boolean> {
  const directory = ownDirectory(state);
  if (directory === undefined || !setFreezer(directory, isOn)) return false;
  const patience = new Patience();
  const deadline = performance.now() + LONGEST_FREEZE_MS;
  while (isFrozen(directory) !== isOn) {
    if (performance.now() > deadline) {
      setFreezer(directory, false);
      return false;
    }
    await patience.wait();
  }
  return true;
}

function setFreezer(directory: string, isOn: boolean): boolean {
  try {
    writeGroupFile(directory, "cgroup.freeze", isOn ? "1" : "0");
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "EACCES") return false;
    throw error;
  }
}
