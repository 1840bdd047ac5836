/** Image config and options → the config.json of an OCI runtime bundle, as Docker would write it. */
import { join, posix } from "node:path";
import type { IdMappingLine, Linux, NamespaceType, RuntimeSpec } from "../oci/runtime-spec.ts";
import { KEEP_GROUPS, KEPT_GROUPS } from "./confinement.ts";
import { keptIds, mirroredIds } from "./container-ids.ts";
import { withBorrowed, withJoins } from "./joins.ts";
import { type BindRequest, containerMounts, type MountRequest } from "./mounts.ts";
import { isOwnNetwork, type NetworkLevel } from "./network.ts";
import { processSpec } from "./process-spec.ts";
import { resolveSecurity } from "./security.ts";
import { hostnameOf, labelsOf, type SpecInput, type SpecOptions } from "./spec-input.ts";

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
  const security = input.security ?? resolveSecurity({});
  const ids = keep === undefined ? mirroredIds(mapping) : keptIds(mapping, keep);
  const hasTtyGroup = ids.gids.some(
    (one) => 5 >= one.containerID && 5 < one.containerID + one.size,
  );
  const mounts = containerMounts({
    ...options,
    requests: withScratch(options),
    network,
    etc: etcMounts(input),
    hasTtyGroup,
    security,
  });
  return {
    ociVersion: "1.0.2",
    process: processSpec(input, security),
    root: { path: "rootfs", readonly: options.readOnly === true },
    ...(options.uts !== "host" && { hostname: hostnameOf(input) }),
    ...(options.domainname !== undefined && { domainname: options.domainname }),
    mounts: withBorrowed(mounts, joins),
    annotations: annotations(input),
    linux: {
      namespaces: withJoins(namespaces(network, options), joins),
      // A user namespace that is shared has its own.
      ...(joins.length === 0 && { uidMappings: ids.uids, gidMappings: ids.gids }),
      maskedPaths: security.maskedPaths,
      readonlyPaths: security.readonlyPaths,
      ...sysctlSpec(input, ids.gids),
      ...(security.seccomp !== undefined && { seccomp: security.seccomp }),
    },
  };
}

const NAMESPACES = ["user", "mount", "pid", "ipc", "uts", "cgroup", "network"] as const;

/** Docker's latest adds a time namespace: it has no use until somebody sets offsets in it. */
function namespaces(
  network: NetworkLevel,
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

function sysctlSpec(
  { sysctl, options }: SpecInput,
  gids: readonly IdMappingLine[],
): Pick<Linux, "sysctl"> {
  const own = isOwnNetwork(options.network ?? "none") ? pingSysctl(gids) : {};
  const all = { ...sysctl, ...own, ...options.sysctls };
  return Object.keys(all).length === 0 ? {} : { sysctl: all };
}

/** Any group may ping, as under Docker; the kernel takes but ids that are mapped. */
function pingSysctl(gids: readonly IdMappingLine[]): Record<string, string> {
  const ordered = [...gids].sort((one, other) => one.containerID - other.containerID);
  let end = 0;
  for (const { containerID, size } of ordered) if (containerID === end) end += size;
  return end === 0 ? {} : { "net.ipv4.ping_group_range": `0 ${Math.min(end - 1, 0x7fff_ffff)}` };
}

const SCRATCH = [
  { target: "/run", mode: 0o755 },
  { target: "/tmp", mode: 0o1777 },
  { target: "/var/tmp", mode: 0o1777 },
];

/** What Podman makes writable in a root that is not, but for what is mounted anyway. */
function withScratch({
  mounts = [],
  readOnly = false,
  readOnlyTmpfs = false,
}: SpecOptions): readonly MountRequest[] {
  if (!readOnly || !readOnlyTmpfs) return mounts;
  const taken = new Set(mounts.map(({ target }) => posix.resolve("/", target)));
  const scratch = SCRATCH.filter(({ target }) => !taken.has(target));
  return [
    ...mounts,
    ...scratch.map((one) => ({ type: "tmpfs", ...one, options: ["exec"] }) as const),
  ];
}

function etcMounts(input: SpecInput): readonly BindRequest[] {
  const { bundle, etc = bundle, options } = input;
  return ["hosts", "hostname", "resolv.conf"].map((file) => ({
    type: "bind",
    source: join(etc, file),
    target: `/etc/${file}`,
    readOnly: options.readOnly,
    isFile: true,
  }));
}
