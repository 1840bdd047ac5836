/** The processes of a container that was made of a bundle. */
import { readdirSync, readlinkSync } from "node:fs";
import { readProcessStat } from "../runtime/processes.ts";
import { cgroupPids } from "./cgroup.ts";
import type { FoundContainer } from "./state.ts";

/**
 * Their numbers on this machine, in order; none of one that is stopped, but what its group still has.
 * Not all need be in the group: who joins from a login's scope cannot be moved there.
 */
export function residentsOf({ record, state }: FoundContainer): readonly number[] {
  const grouped = record.cgroup === undefined ? [] : (cgroupPids(record.cgroup) ?? []);
  const others = state.pid === 0 ? [] : residentsByNamespace(state.pid);
  return [...new Set([...grouped, ...others])].toSorted((one, other) => one - other);
}

/** Those of them that its group's freezer does not stop. */
export function residentsOutside(found: FoundContainer): readonly number[] {
  const { cgroup } = found.record;
  const grouped = new Set(cgroup === undefined ? [] : cgroupPids(cgroup));
  return residentsOf(found).filter((pid) => !grouped.has(pid));
}

/**
 * Those in its mount namespace, and what descends from it: a pid namespace may be that of a pod. Of one
 * without a mount namespace of its own those in its pid namespace; without either the latter only.
 */
export function residentsByNamespace(first: number): readonly number[] {
  const { kind, home } = homeOf(first);
  const children = new Map<number, number[]>();
  const members = new Set<number>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? readProcessStat(Number(name)) : undefined;
    if (stat === undefined || stat.state === "Z") continue;
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), stat.pid]);
    if (kind !== undefined && namespaceOf(stat.pid, kind) === home) members.add(stat.pid);
  }
  const adopt = (pid: number): void => {
    members.add(pid);
    for (const child of children.get(pid) ?? []) if (!members.has(child)) adopt(child);
  };
  for (const pid of [first, ...members]) adopt(pid);
  return [...members];
}

type NamespaceKind = "mnt" | "pid";

/** Read once: of one that ends meanwhile there would be none, as of all that hide from us. */
function homeOf(first: number): { readonly kind?: NamespaceKind; readonly home?: string } {
  for (const kind of ["mnt", "pid"] as const) {
    const home = namespaceOf(first, kind);
    if (home !== undefined && home !== namespaceOf("self", kind)) return { kind, home };
  }
  return {};
}

/** `undefined` for one that hides, is another user's, or no more. */
function namespaceOf(pid: number | "self", kind: NamespaceKind): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return undefined;
  }
}
