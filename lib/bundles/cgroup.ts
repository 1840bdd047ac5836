/** The control group of a container that is made of a bundle. */
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import type { CgroupState } from "./cgroup-state.ts";
import type { CgroupManager } from "./options.ts";

export interface CgroupRequest {
  readonly id: string;
  readonly spec: RuntimeSpec;
  readonly manager: CgroupManager;
  /** What cannot be had is a failure. */
  readonly isRequired: boolean;
  readonly onWarning: (text: string) => void;
}

/**
 * Make it, with the limits of `linux.resources`, before the container's first process is there, which
 * is cloned into `directory`. `undefined`: it stays in the group of whoever makes it.
 */
export async function prepareCgroup(_request: CgroupRequest): Promise<CgroupState | undefined> {
  return undefined;
}

/** What can be done with the container's first process only, which waits meanwhile. */
export async function settleCgroup(state: CgroupState, _pid: number): Promise<CgroupState> {
  return state;
}

/** Remove it, with what is below it; nothing is left in it. One that is gone already is fine. */
export async function removeCgroup(_state: CgroupState): Promise<void> {
  return undefined;
}

/** All processes in it and below it; `undefined` where that cannot be told. */
export function cgroupPids(_state: CgroupState): readonly number[] | undefined {
  return undefined;
}

/** False where it has no freezer. Resolves when all of its processes stand still, or go on. */
export async function freezeCgroup(_state: CgroupState, _isFrozen: boolean): Promise<boolean> {
  return false;
}
