/** What every container has in /dev: nodes of this machine, and links. */
import { BIND, type Plan } from "../native/plan.ts";

/** runtime-spec, config-linux.md, "Default Devices". */
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];
/** Read-only is the node, not the device: root of this machine inside may use it, not change it. */
export const DEVICE_FLAGS = BIND.OPTIONAL | BIND.READONLY | BIND.NOSUID | BIND.NOEXEC;
const DEVICE_LINKS = [
  ["/proc/self/fd", "/dev/fd"],
  ["/proc/self/fd/0", "/dev/stdin"],
  ["/proc/self/fd/1", "/dev/stdout"],
  ["/proc/self/fd/2", "/dev/stderr"],
  ["/proc/kcore", "/dev/core"],
  ["pts/ptmx", "/dev/ptmx"],
] as const;

export function isDefaultDevice(path: string): boolean {
  return DEVICES.some((name) => path === `/dev/${name}`);
}

/** Nodes cannot be made in a user namespace: those of this machine are bound. */
export function deviceOperations(): Plan {
  return [
    ...DEVICES.map((name) => ["bind", `/dev/${name}`, `/dev/${name}`, DEVICE_FLAGS] as const),
    ...deviceLinks(),
  ];
}

export function deviceLinks(): Plan {
  return DEVICE_LINKS.map(([text, path]) => ["symlink", text, path] as const);
}
