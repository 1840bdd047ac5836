/** The mounts of a bundle's config.json, with what is the machine's where it cannot be its own. */
import { existsSync } from "node:fs";
import { posix } from "node:path";
import type { Plan } from "../native/plan.ts";
import type { NamespaceType, RuntimeSpec, SpecMount } from "../oci/runtime-spec.ts";
import type { BundleContext } from "./bundle-context.ts";
import { bundleMountOperations } from "./bundle-mounts.ts";
import { hasCgroup2 } from "./filesystems.ts";
import { mountContext } from "./labels.ts";

/** Kernel file systems that show a namespace: only who owns that may mount them. */
const SHOWN = {
  proc: { namespace: "pid", path: "/proc" },
  sysfs: { namespace: "network", path: "/sys" },
  mqueue: { namespace: "ipc", path: "/dev/mqueue" },
} as const;

export function allMountOperations(
  spec: RuntimeSpec,
  context: BundleContext,
  warn: (text: string) => void,
): Plan {
  const { mounts = [], linux } = spec;
  const given = {
    bundle: context.bundle,
    ids: context.ids,
    hasCgroup2: context.hasCgroup2 ?? hasCgroup2(),
    ownCgroups: isNew(spec, "cgroup"),
    label: mountContext(linux.mountLabel, warn),
    warn,
  };
  return [...mounts, ...(context.extraMounts ?? [])].flatMap((mount) => {
    const destination = posix.resolve("/", mount.destination); // config.md takes them from / on
    const shown = sharedPath(mount, spec, context);
    if (shown === undefined) return bundleMountOperations({ ...mount, destination }, given);
    // A machine without /dev/mqueue has no queues to show.
    if (!existsSync(shown)) return [["directory", destination, 0o755] as const];
    const options = ["rbind", ...(mount.options ?? [])];
    return bundleMountOperations({ destination, source: shown, options }, given);
  });
}

/** The machine's own, where a new one would take a namespace that is the machine's too. */
function sharedPath(mount: SpecMount, spec: RuntimeSpec, context: BundleContext) {
  const { type = "" } = mount;
  const shown = type === "proc" || type === "sysfs" || type === "mqueue" ? SHOWN[type] : undefined;
  if (shown === undefined || isBind(mount)) return undefined;
  return isOwned(spec, shown.namespace, context) ? undefined : shown.path;
}

/** Whether who makes the container is root over the namespace that it has of that type. */
function isOwned(spec: RuntimeSpec, type: NamespaceType, { ids }: BundleContext): boolean {
  if (isNew(spec, type)) return true;
  if (ids.kind !== "none") return false;
  // One that has a path was made by whoever made the caller's.
  return ids.isNested !== true || spec.linux.namespaces.some((one) => one.type === type);
}

/** Of a directory or file that is there, as its type or one of its options says. */
export function isBind({ type, options = [] }: SpecMount): boolean {
  return type === "bind" || options.includes("bind") || options.includes("rbind");
}

function isNew({ linux }: RuntimeSpec, type: NamespaceType): boolean {
  return linux.namespaces.some((one) => one.type === type && (one.path ?? "") === "");
}
