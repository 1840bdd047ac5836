/** Who may make groups below that of a container: its own root, where that is asked for. */
import type { RuntimeSpec } from "../oci/runtime-spec.ts";

/**
 * The user on this machine that the container's process is, when it has a cgroup namespace of its
 * own and the tree mounted writable (runtime-spec, "Cgroup ownership"); `undefined`: nobody else.
 */
export function ownerOf(spec: RuntimeSpec): number | undefined {
  const { namespaces, uidMappings = [] } = spec.linux;
  const isOwn = namespaces.some(({ type, path }) => type === "cgroup" && path === undefined);
  const isWritable = (spec.mounts ?? []).some(
    ({ type, destination, options = [] }) =>
      (type === "cgroup" || type === "cgroup2") &&
      destination === "/sys/fs/cgroup" &&
      !options.includes("ro"),
  );
  if (!isOwn || !isWritable) return undefined;
  const uid = spec.process?.user.uid ?? 0;
  const extent = uidMappings.find(
    ({ containerID, size }) => uid >= containerID && uid < containerID + size,
  );
  return extent === undefined ? undefined : extent.hostID + uid - extent.containerID;
}
