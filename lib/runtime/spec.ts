/** Image config and options → the config.json of an OCI runtime bundle, as Docker would write it. */
import { join } from "node:path";
import type { NamespaceType, RuntimeSpec } from "../oci/runtime-spec.ts";
import { KEEP_GROUPS, KEPT_GROUPS } from "./confinement.ts";
import { keptIds, mirroredIds } from "./container-ids.ts";
import { withBorrowed, withJoins } from "./joins.ts";
import { type BindRequest, containerMounts } from "./mounts.ts";
import { processSpec } from "./process-spec.ts";
import { hostnameOf, labelsOf, type SpecInput, type SpecOptions } from "./spec-input.ts";

/** moby, daemon/pkg/oci/defaults.go; what is missing on a machine is left out when it starts. */
const MASKED_PATHS = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];
const READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** Without what crun obeys: an image could have it keep the caller's groups, or change handlers. */
function annotations({ image, options }: SpecInput): Record<string, string> {
  const labels = Object.entries(labelsOf(image, options));
  return {
    ...Object.fromEntries(labels.filter(([key]) => !key.startsWith("run.oci."))),
    ...options.annotations,
    ...(options.groupAdd?.includes(KEEP_GROUPS) === true && { [KEPT_GROUPS]: "1" }),
  };
}

/** Throws `INVALID_ARGUMENT` where neither image nor caller name a command, and for mounts. */
export function createSpec(input: SpecInput): RuntimeSpec {
  const { options, mapping, keep, joins = [] } = input;
  const network = options.network ?? "none";
  const ids = keep === undefined ? mirroredIds(mapping) : keptIds(mapping, keep);
  const hasTtyGroup = ids.gids.some(
    (one) => 5 >= one.containerID && 5 < one.containerID + one.size,
  );
  const mounts = containerMounts({
    ...options,
    requests: options.mounts ?? [],
    network,
    etc: etcMounts(input),
    hasTtyGroup,
  });
  return {
    ociVersion: "1.0.2",
    process: processSpec(input),
    root: { path: "rootfs", readonly: options.readOnly === true },
    ...(options.uts !== "host" && { hostname: hostnameOf(input) }),
    ...(options.domainname !== undefined && { domainname: options.domainname }),
    mounts: withBorrowed(mounts, joins),
    annotations: annotations(input),
    linux: {
      namespaces: withJoins(namespaces(network, options), joins),
      // A user namespace that is shared has its own.
      ...(joins.length === 0 && { uidMappings: ids.uids, gidMappings: ids.gids }),
      maskedPaths: [...MASKED_PATHS, ...(input.maskedPaths ?? [])],
      readonlyPaths: READONLY_PATHS,
      ...((input.sysctl ?? options.sysctls) !== undefined && {
        sysctl: { ...input.sysctl, ...options.sysctls },
      }),
      ...(input.seccomp !== undefined && { seccomp: input.seccomp }),
    },
  };
}

const NAMESPACES = ["user", "mount", "pid", "ipc", "uts", "cgroup", "network"] as const;

/** Docker's latest adds a time namespace: it has no use until somebody sets offsets in it. */
function namespaces(
  network: "none" | "host",
  { pid, ipc, uts, cgroupns }: SpecOptions,
): readonly NamespaceType[] {
  const shared: Partial<Record<NamespaceType, boolean>> = {
    pid: pid === "host",
    ipc: ipc === "host",
    uts: uts === "host",
    cgroup: cgroupns === "host",
    network: network === "host",
  };
  return NAMESPACES.filter((type) => shared[type] !== true);
}

function etcMounts(input: SpecInput): readonly BindRequest[] {
  const { bundle, options } = input;
  return ["hosts", "hostname", "resolv.conf"].map((file) => ({
    type: "bind",
    source: join(bundle, file),
    target: `/etc/${file}`,
    readOnly: options.readOnly,
    isFile: true,
  }));
}
