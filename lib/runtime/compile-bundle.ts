/** A bundle's config.json → the plan of its bare container, which nobody of ours stays with. */
import { posix, resolve } from "node:path";
import { formatIdMap } from "../native/helper.ts";
import { type Operation, type Plan, ROOT_BIND } from "../native/plan.ts";
import type { NamespaceType, RuntimeSpec } from "../oci/runtime-spec.ts";
import type { BundleContext } from "./bundle-context.ts";
import { cloneFlags } from "./clone-flags.ts";
import { bundleDevices } from "./compile-bundle-devices.ts";
import { bundleMounts } from "./compile-bundle-mounts.ts";
import { bundleProcess } from "./compile-bundle-process.ts";
import { terminalOperations } from "./compile-process.ts";
import { refuseBundle } from "./refuse-bundle.ts";
import { rulesOf } from "./seccomp/rules.ts";
import { sysctlPath } from "./sysctls.ts";

export interface CompiledBundle {
  readonly plan: Plan;
  /** What is not as config.json has it, and need not be: sentences for people. */
  readonly warnings: readonly string[];
}

/**
 * Throws `UNSUPPORTED` for what config.json asks and marmita cannot do, `INVALID_ARGUMENT` for what
 * cannot be, both with the property as `details.field`.
 */
export function compileBundle(spec: RuntimeSpec, context: BundleContext): CompiledBundle {
  refuseBundle(spec);
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);
  const plan = [
    ...starterOperations(spec, context),
    ...namespaceOperations(spec, context),
    ...rootOperations(spec, context),
    ...bundleMounts(spec, context),
    ...terminalOperations(spec), // in /dev, while paths of the container are under its root
    ...bundleDevices(spec),
    ...limitOperations(spec),
    ...seccompOperations(spec, context),
    ["pivot"] as const,
    ...keyringOperations(context),
    ...bundleProcess(spec, context, warn),
  ];
  return { plan, warnings };
}

function when(condition: boolean, operation: Operation): Plan {
  return condition ? [operation] : [];
}

/** What is about the process outside. */
function starterOperations({ process, linux }: RuntimeSpec, context: BundleContext): Plan {
  const { oomScoreAdj } = process;
  return [
    ["container", context.id, context.id],
    ["bundle", context.bundle],
    ...idOperations(context),
    ...when(oomScoreAdj !== undefined, ["oom-score-adj", String(oomScoreAdj)]),
    ["namespaces", cloneFlags(linux.namespaces.filter(({ path }) => path === undefined))],
  ];
}

function idOperations({ ids }: BundleContext): Plan {
  if (ids.kind === "none") return [];
  return [
    ["setgroups", ids.denySetgroups ? "deny" : "allow"],
    ["uid-map", formatIdMap(ids.uids)],
    ["gid-map", formatIdMap(ids.gids)],
  ];
}

function namespaceOperations(spec: RuntimeSpec, { ids }: BundleContext): Plan {
  const { linux, hostname } = spec;
  const isNew = (type: NamespaceType) => {
    return linux.namespaces.some((one) => one.type === type && one.path === undefined);
  };
  const hasRoot =
    ids.kind !== "none" && [ids.uids, ids.gids].every((all) => all.some((one) => one.inside === 0));
  const { "kernel.domainname": domainname = spec.domainname } = linux.sysctl ?? {};
  return [
    // What the plan makes is root's, and what it mounts belongs to whoever mounts it.
    ...when(hasRoot, ["become-root", []]),
    ["propagation"],
    ...when(domainname !== undefined, ["domainname", domainname ?? ""]),
    ...when(hostname !== undefined, ["hostname", hostname ?? ""]),
    ...when(isNew("network"), ["loopback"]),
  ];
}

function rootOperations({ root }: RuntimeSpec, { bundle }: BundleContext): Plan {
  return [["root", resolve(bundle, root.path), ROOT_BIND]];
}

/** Last, when all that is to be there is made. */
function limitOperations({ linux, process, root }: RuntimeSpec): Plan {
  const { "kernel.domainname": _domainname, ...sysctls } = linux.sysctl ?? {};
  return [
    ...Object.entries(sysctls).map(([name, value]) => {
      return ["file", `/proc/sys/${sysctlPath(name)}`, 0o644, value] as const;
    }),
    ...(linux.maskedPaths ?? []).map((path) => ["mask", path] as const),
    ...(linux.readonlyPaths ?? []).map((path) => ["readonly", path] as const),
    // It cannot be made later in a root that is read-only.
    ...when(root.readonly === true, ["directory", posix.resolve("/", process.cwd), 0o755]),
    ...when(root.readonly === true, ["root-readonly"]),
  ];
}

/** The file is read while it is in reach, and put to use at the very end. */
function seccompOperations({ linux }: RuntimeSpec, { filters }: BundleContext): Plan {
  if (linux.seccomp === undefined) return [];
  return [["seccomp", posix.join(filters, rulesOf(linux.seccomp).name)]];
}

function keyringOperations({ id, noNewKeyring }: BundleContext): Plan {
  return when(!noNewKeyring, ["keyring", `_ses.${id}`]);
}
