/** Groups made in the tree of version 2, given controllers, and taken away again. */
import { chownSync, mkdirSync, readFileSync, readdirSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import { readCgroupFile } from "../runtime/own-cgroup.ts";
import { Patience } from "../util/patience.ts";
import { errnoOf } from "../util/system-error.ts";
import { partsOf, writeGroupFile } from "./cgroup-host.ts";

/** Another one may take an empty parent away between two of our steps. */
const TRIES = 16;

/**
 * Make the group `path` below `mount`, with whatever controllers its parents can give. Returns the
 * directories that were not there before, outermost first. Throws as node:fs does; nothing of it
 * is there then.
 */
export function makeGroup(mount: string, path: string): readonly string[] {
  const made = new Set<string>();
  for (let attempt = 1; ; attempt++) {
    try {
      makeAll(mount, path, made);
      return [...made].toSorted();
    } catch (error) {
      if (errnoOf(error) === "ENOENT" && attempt < TRIES) continue;
      removeMade([...made].toSorted());
      throw error;
    }
  }
}

/** What `makeGroup` would make now. */
export function missingGroups(mount: string, path: string): readonly string[] {
  const parts = partsOf(path);
  return parts
    .map((_, index) => join(mount, ...parts.slice(0, index + 1)))
    .filter((directory) => inodeOf(directory) === undefined);
}

function makeAll(mount: string, path: string, made: Set<string>): void {
  let directory = mount;
  for (const part of partsOf(path)) {
    enableControllers(directory);
    directory = join(directory, part);
    if (make(directory)) made.add(directory);
  }
}

function make(directory: string): boolean {
  try {
    mkdirSync(directory, 0o755);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** All that it has, for the groups below it; one by one, for some may be refused. */
function enableControllers(directory: string): void {
  const has = words(directory, "cgroup.controllers");
  const gives = new Set(words(directory, "cgroup.subtree_control"));
  for (const controller of has.filter((name) => !gives.has(name))) {
    try {
      writeGroupFile(directory, "cgroup.subtree_control", `+${controller}`);
    } catch {
      // Not ours, or it has processes of its own: who needs the controller finds it missing.
    }
  }
}

function words(directory: string, name: string): readonly string[] {
  return (readCgroupFile(directory, name) ?? "").split(/\s+/).filter((word) => word !== "");
}

/** `undefined` where there is none. The kernel gives no number twice. */
export function inodeOf(directory: string): number | undefined {
  return statSync(directory, { throwIfNoEntry: false })?.ino;
}

/** Whether a process is in it, or below it. */
export function isPopulated(directory: string): boolean {
  return /^populated 1$/m.test(readCgroupFile(directory, "cgroup.events") ?? "");
}

export function isFrozen(directory: string): boolean {
  return /^frozen 1$/m.test(readCgroupFile(directory, "cgroup.events") ?? "");
}

/** Those in it and below it, by number. Where it is no more: none. */
export function processesIn(directory: string): readonly number[] {
  const pids = new Set<number>();
  for (const group of groupsIn(directory)) {
    for (const word of words(group, "cgroup.procs")) {
      if (word !== "0") pids.add(Number(word)); // 0: of a pid namespace that we do not see into
    }
  }
  return [...pids].toSorted((one, other) => one - other);
}

/** It and all below it, innermost first. */
function groupsIn(directory: string): readonly string[] {
  try {
    const below = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => groupsIn(join(directory, entry.name)));
    return [...below, directory];
  } catch {
    return []; // it went meanwhile
  }
}

const LONGEST_REMOVAL_MS = 10_000;

/**
 * Take a group away, with what its processes made below it, and of its parents those that were made
 * for it, unless they are in use. What has ended is in it until the kernel is done with it. Twice
 * is fine; throws `CONFLICT` where it is still in use after 10 s.
 */
export async function removeGroup(directory: string, made: readonly string[]): Promise<void> {
  const patience = new Patience();
  const deadline = performance.now() + LONGEST_REMOVAL_MS;
  while (!groupsIn(directory).every(removeOne)) {
    if (performance.now() > deadline) {
      const details = { directory, processes: processesIn(directory) };
      throw new MarmitaError("CONFLICT", `control group ${directory} is in use`, { details });
    }
    await patience.wait();
  }
  removeMade(made.filter((parent) => parent !== directory));
}

function removeOne(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return true;
    if (errnoOf(error) === "EBUSY" || errnoOf(error) === "ENOTEMPTY") return false;
    throw error;
  }
}

/** Innermost first, as far as they are empty. */
export function removeMade(made: readonly string[]): void {
  for (const directory of made.toReversed()) {
    try {
      rmdirSync(directory);
    } catch {
      return;
    }
  }
}

const DELEGATED = "/sys/kernel/cgroup/delegate";
const DELEGATED_ALWAYS = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";

/** So that its user may make groups below it (runtime-spec, "Cgroup ownership"). */
export function giveGroup(directory: string, uid: number): void {
  chownSync(directory, uid, -1);
  for (const name of delegatedFiles()) {
    try {
      chownSync(join(directory, name), uid, -1);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error; // not every group has all of them
    }
  }
}

function delegatedFiles(): readonly string[] {
  let text = DELEGATED_ALWAYS;
  try {
    text = readFileSync(DELEGATED, "utf8");
  } catch {
    // Older than Linux 4.15.
  }
  return text.split("\n").filter((name) => name !== "" && !name.includes("/"));
}
