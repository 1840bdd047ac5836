/** The control group of a container that is made of a bundle. */
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { Patience } from "../util/patience.ts";
import { errnoOf } from "../util/system-error.ts";
import { type CgroupHost, findCgroupHost, writeGroupFile } from "./cgroup-host.ts";
import { requiresResources } from "./cgroup-limits.ts";
import { chooseManager } from "./cgroup-path.ts";
import { type GroupRequest, prepareGroup, settleScope } from "./cgroup-prepare.ts";
import type { CgroupState } from "./cgroup-state.ts";
import { stopScope } from "./cgroup-systemd.ts";
import { isFrozen, isThere, processesIn, removeGroup } from "./cgroup-tree.ts";
import type { CgroupManager } from "./options.ts";

export interface CgroupRequest {
  readonly id: string;
  readonly spec: RuntimeSpec;
  /** Default: by the form of `linux.cgroupsPath`. */
  readonly manager?: CgroupManager | undefined;
  /** What cannot be had is a failure, as with the annotation `io.marmita.require`. */
  readonly isRequired: boolean;
  readonly onWarning: (text: string) => void;
  /**
   * Told what is going to be made, before any of it is: whoever is killed then leaves no riddle. And
   * `undefined` when it is not, after all.
   */
  readonly onIntended?: ((state: CgroupState | undefined) => Promise<void>) | undefined;
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
    manager: chooseManager(spec.linux.cgroupsPath, manager),
    isRequired: isRequired || requiresResources(spec.annotations),
  };
}

/** Remove it, with what is below it; nothing is left in it. One that is gone already is fine. */
export async function removeCgroup(state: CgroupState): Promise<void> {
  const { manager, directory, unit, isUser = false, made = [] } = state;
  if (directory !== undefined) {
    killGroup(directory);
    // systemd takes an empty scope away by itself.
    if (manager === "cgroupfs") await removeGroup(directory, made);
  }
  if (unit === undefined || (directory !== undefined && !isThere(directory))) return;
  await stopScope(unit, isUser);
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
export function cgroupPids({ directory }: CgroupState): readonly number[] | undefined {
  return directory === undefined || !isThere(directory) ? undefined : processesIn(directory);
}

const LONGEST_FREEZE_MS = 10_000;

/**
 * False where it has no freezer, or not all stand still within 10 s: then they go on. Resolves when
 * all of its processes stand still, or go on.
 */
export async function freezeCgroup({ directory }: CgroupState, isOn: boolean): Promise<boolean> {
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
