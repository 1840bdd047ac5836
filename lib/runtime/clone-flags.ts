/** Kinds of namespaces → CLONE_NEW… of linux/sched.h. */
import type { Namespace, NamespaceType } from "../oci/runtime-spec.ts";

export const CLONE: Readonly<Record<NamespaceType, number>> = {
  time: 0x80,
  mount: 0x2_0000,
  cgroup: 0x200_0000,
  uts: 0x400_0000,
  ipc: 0x800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  network: 0x4000_0000,
};

/** All of their flags as one number. */
export function cloneFlags(namespaces: readonly Pick<Namespace, "type">[]): number {
  const flags = new Set(namespaces.map(({ type }) => CLONE[type]));
  return [...flags].reduce((sum, flag) => sum + flag, 0);
}
