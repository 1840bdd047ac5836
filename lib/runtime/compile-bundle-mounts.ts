/** The mounts of a bundle's config.json, with what is the machine's where it cannot be its own. */
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
    return bundleMountOperations(mountable(mount, spec, context), given);
  });
}

/** The machine's own, read as it is, where a new one takes a namespace that is the machine's too. */
function mountable(mount: SpecMount, spec: RuntimeSpec, { ids }: BundleContext): SpecMount {
  const destination = posix.resolve("/", mount.destination); // config.md takes them from / on
  const { type = "", options = [] } = mount;
  const shown = type === "proc" || type === "sysfs" || type === "mqueue" ? SHOWN[type] : undefined;
  if (shown === undefined || isBind(mount) || ids.kind === "none" || isNew(spec, shown.namespace)) {
    return { ...mount, destination };
  }
  return {
    ...mount,
    destination,
    type: "bind",
    source: shown.path,
    options: ["rbind", ...options],
  };
}

/** Of a directory or file that is there, as its type or one of its options says. */
export function isBind({ type, options = [] }: SpecMount): boolean {
  return type === "bind" || options.includes("bind") || options.includes("rbind");
}

function isNew({ linux }: RuntimeSpec, type: NamespaceType): boolean {
  return linux.namespaces.some((one) => one.type === type && (one.path ?? "") === "");
}
