/** The processes of a container that was made of a bundle. */
import { readdirSync, readlinkSync } from "node:fs";
import { type ProcessStat, readProcessStat } from "../runtime/processes.ts";
import { cgroupPids } from "./cgroup.ts";
import type { CgroupState } from "./cgroup-state.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import type { HomeNamespace } from "./record.ts";
import type { FoundContainer } from "./state.ts";

/** One of them, told from the next bearer of its number. */
export type Resident = Pick<ProcessIdentity, "pid" | "startTicks">;

/**
 * In the order of their numbers on this machine; none of one that is stopped, but what its group still has.
 * Not all need be in the group: who joins from a login's scope cannot be moved there.
 */
export function residentsOf({ record, state }: FoundContainer): readonly Resident[] {
  const { cgroup, init } = record;
  const grouped = cgroup === undefined ? [] : residentsByCgroup(cgroup);
  const others =
    state.pid === 0 || init === undefined ? [] : residentsByNamespace(init, record.home);
  const all = new Map([...others, ...grouped].map((one) => [one.pid, one]));
  return [...all.values()].toSorted((one, other) => one.pid - other.pid);
}

/** Those of them that its group's freezer does not stop. */
export function residentsOutside(found: FoundContainer): readonly Resident[] {
  const { cgroup } = found.record;
  const grouped = new Set(cgroup === undefined ? [] : cgroupPids(cgroup));
  return residentsOf(found).filter(({ pid }) => !grouped.has(pid));
}

/** Who is there after it was looked at is no stranger who has got the number meanwhile. */
function residentsByCgroup(cgroup: CgroupState): readonly Resident[] {
  const stats = (cgroupPids(cgroup) ?? []).flatMap((pid) => readProcessStat(pid) ?? []);
  const still = new Set(stats.length === 0 ? [] : cgroupPids(cgroup));
  return stats.filter(({ pid }) => still.has(pid));
}

/** Those in the namespace that is its own, and what descends from it; without one the latter only. */
export function residentsByNamespace(
  first: Resident,
  kind: HomeNamespace | undefined,
): readonly Resident[] {
  // Read once: of one that ends meanwhile there would be none, as of all that hide from us.
  const homeOf = (pid: number) => (kind === undefined ? undefined : namespaceOf(pid, kind));
  const home = homeOf(first.pid);
  if (!isSame(first)) return []; // it was another's home
  const all = new Map<number, ProcessStat>();
  const members: ProcessStat[] = [];
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? readProcessStat(Number(name)) : undefined;
    if (stat === undefined || stat.state === "Z") continue;
    all.set(stat.pid, stat);
    // After its start: a stranger who has the number by now began later, and is not signalled.
    if (home !== undefined && homeOf(stat.pid) === home) members.push(stat);
  }
  const start = all.get(first.pid);
  const roots = start?.startTicks === first.startTicks ? [start, ...members] : members;
  return familyOf(roots, all, isSame);
}

/**
 * These, and what descends from them. Nobody is adopted by one who has got the number of its parent since
 * it was looked at, be that one older (then it is not the same any more) or younger than the child.
 */
export function familyOf(
  roots: readonly ProcessStat[],
  all: ReadonlyMap<number, ProcessStat>,
  isStillSame: (one: Resident) => boolean,
): readonly ProcessStat[] {
  const children = new Map<number, ProcessStat[]>();
  for (const one of all.values()) {
    children.set(one.parent, [...(children.get(one.parent) ?? []), one]);
  }
  const family = new Map<number, ProcessStat>();
  const adopt = (one: ProcessStat): void => {
    if (family.has(one.pid)) return;
    family.set(one.pid, one);
    const its = (children.get(one.pid) ?? []).filter((child) => child.startTicks >= one.startTicks);
    if (its.length > 0 && isStillSame(one)) for (const child of its) adopt(child);
  };
  for (const root of roots) adopt(root);
  return [...family.values()];
}

function isSame({ pid, startTicks }: Resident): boolean {
  return readProcessStat(pid)?.startTicks === startTicks;
}

/** `undefined` for one that hides, is another user's, or no more. */
function namespaceOf(pid: number, kind: HomeNamespace): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return undefined;
  }
}
