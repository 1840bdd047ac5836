/** The device nodes of a bundle's container → operations. */
import { posix } from "node:path";
import { BIND, type Plan } from "../native/plan.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { DEVICE_FLAGS, deviceOperations, isDefaultDevice } from "./compile-devices.ts";
import { isBind } from "./compile-bundle-mounts.ts";

/** None where /dev is somebody's whole directory: it has what it has (runc, crun). */
export function bundleDevices({ mounts = [], linux }: RuntimeSpec): Plan {
  const targets = mounts.map((mount) => [posix.resolve("/", mount.destination), mount] as const);
  if (targets.some(([target, mount]) => target === "/dev" && isBind(mount))) return [];
  const isTaken = (path: string) => targets.some(([target]) => target === path);
  const own = deviceOperations().filter(([name, , target]) => {
    return name !== "bind" || !isTaken(String(target));
  });
  const asked = (linux.devices ?? []).filter(({ path }) => !isDefaultDevice(path));
  return [
    ...own,
    ...asked.map(({ path }) => ["bind", path, path, DEVICE_FLAGS & ~BIND.OPTIONAL] as const),
  ];
}
