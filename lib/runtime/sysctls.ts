/** Kernel settings that belong to a namespace: the only ones that do not reach this machine. */
import type { NamespaceType } from "../oci/runtime-spec.ts";

/** moby, opts/opts.go, ValidateSysctl; the last as runc has it. */
const OWNERS: readonly (readonly [pattern: RegExp, namespace: NamespaceType])[] = [
  [/^net\/./, "network"],
  [/^kernel\/(?:shmmax|shmmni|shmall|shm_rmid_forced|msgmax|msgmnb|msgmni|sem)$/, "ipc"],
  [/^fs\/mqueue\/[a-z_]+$/, "ipc"],
  [/^kernel\/domainname$/, "uts"],
];

/**
 * Its path below /proc/sys. As in sysctl(8), the first separator says which of `.` and `/` it is;
 * the other one stands for itself: `net.ipv4.conf.eth0/1.forwarding` is of the interface `eth0.1`.
 * `undefined` for what leads elsewhere or is no name.
 */
export function sysctlPath(name: string): string | undefined {
  const isDotted = /[./]/.exec(name)?.[0] === ".";
  const path = isDotted
    ? name.replaceAll(/[./]/g, (separator) => (separator === "." ? "/" : "."))
    : name;
  return /^(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:\/|$))+$/.test(path) && !path.endsWith("/")
    ? path
    : undefined;
}

/** The kind of namespace it belongs to; `undefined` for the whole machine's. */
export function sysctlNamespace(name: string): NamespaceType | undefined {
  const path = sysctlPath(name);
  return OWNERS.find(([pattern]) => path !== undefined && pattern.test(path))?.[1];
}
