/** The mounts of a bundle's config.json → operations. */
import { posix, resolve } from "node:path";
import { MarmitaError } from "../errors.ts";
import { BIND, type Plan } from "../native/plan.ts";
import type { NamespaceType, RuntimeSpec, SpecMount } from "../oci/runtime-spec.ts";
import type { BundleContext } from "./bundle-context.ts";
import { bindFlags, checkNewMount, parseMountOptions } from "./mount-options.ts";

/** Kernel file systems that show a namespace: only who has made that may mount them. */
const SHOWN: Readonly<Record<string, NamespaceType>> = {
  proc: "pid",
  sysfs: "network",
  mqueue: "ipc",
};

export function bundleMounts(spec: RuntimeSpec, context: BundleContext): Plan {
  const { mounts = [] } = spec;
  return [...mounts, ...(context.extraMounts ?? [])].flatMap((mount) => {
    return mountOperations(mount, spec, context);
  });
}

function mountOperations(mount: SpecMount, spec: RuntimeSpec, context: BundleContext): Plan {
  const target = posix.resolve("/", mount.destination);
  const { type = "", source = type } = mount;
  const options = parseMountOptions(mount.options ?? [], target);
  if (isBind(mount)) {
    return [["bind", resolve(context.bundle, source), target, bindFlags(options, target)]];
  }
  checkNewMount(options, target);
  switch (type) {
    case "proc":
    case "sysfs":
    case "mqueue":
      if (isShared(type, spec, context)) {
        // What the machine has, as others do it: it has no other in a namespace of the machine.
        return [["bind", hostPath(type), target, BIND.RECURSIVE | bindFlags(options, target)]];
      }
      return [["mount", type, source, target, options.attributes, options.data]];
    case "devpts":
    case "tmpfs":
      return [["mount", type, source, target, options.attributes, options.data]];
    case "cgroup":
    case "cgroup2":
      return [["directory", target, 0o755]];
    default:
      throw new MarmitaError(
        "UNSUPPORTED",
        `config.json: mount of type ${JSON.stringify(type)} at ${target} is not supported`,
        { details: { field: "mounts", type, target } },
      );
  }
}

/** Of a directory or file that is there, as `type` says it or one of its options. */
export function isBind({ type, options = [] }: SpecMount): boolean {
  return type === "bind" || options.includes("bind") || options.includes("rbind");
}

function isShared(type: string, { linux }: RuntimeSpec, { ids }: BundleContext): boolean {
  const shown = linux.namespaces.find((one) => one.type === SHOWN[type]);
  return ids.kind !== "none" && (shown === undefined || shown.path !== undefined);
}

function hostPath(type: "proc" | "sysfs" | "mqueue"): string {
  return { proc: "/proc", sysfs: "/sys", mqueue: "/dev/mqueue" }[type];
}
