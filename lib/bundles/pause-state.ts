/** Whether all processes of a container stand still. */
import { existsSync } from "node:fs";
import { readCgroupFile } from "../runtime/own-cgroup.ts";
import type { ContainerPaths } from "./container-directory.ts";
import type { ContainerRecord } from "./record.ts";

/** By its control group's freezer; or by signals, which leaves a note. */
export function isPaused({ cgroup }: ContainerRecord, { paused }: ContainerPaths): boolean {
  const directory = cgroup?.directory;
  const freeze = directory === undefined ? undefined : readCgroupFile(directory, "cgroup.freeze");
  return freeze?.trim() === "1" || existsSync(paused);
}
