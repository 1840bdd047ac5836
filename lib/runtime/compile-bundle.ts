/** A bundle's config.json → the plan of its bare container, which nobody of ours stays with. */
import { join, posix, resolve } from "node:path";
import { formatIdMap } from "../native/helper.ts";
import { type Operation, type Plan, ROOT_NODEV } from "../native/plan.ts";
import type { NamespaceType, RuntimeSpec } from "../oci/runtime-spec.ts";
import type { BundleContext } from "./bundle-context.ts";
import { CLONE, cloneFlags } from "./clone-flags.ts";
import { KEPT_GROUPS } from "./confinement.ts";
import { bundleDevices } from "./compile-bundle-devices.ts";
import { hookOperations } from "./compile-bundle-hooks.ts";
import { allMountOperations } from "./compile-bundle-mounts.ts";
import { bareProcess } from "./compile-bundle-process.ts";
import { commandOperations, terminalOperations } from "./compile-process.ts";

import { labelOperations } from "./labels.ts";
import { personalityOperations } from "./personality.ts";
import { refuseBundle } from "./refuse-bundle.ts";
import { rootPropagation } from "./root-propagation.ts";
import { schedulingOperations } from "./scheduling.ts";
import { listenerOperations } from "./seccomp/listener.ts";
import { rulesOf } from "./seccomp/rules.ts";
import { sysctlPath } from "./sysctls.ts";
import { timeOffsetLines } from "./time-offsets.ts";

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
  refuseBundle(spec, context.ids);
  const { process, linux, annotations } = spec;
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);
  const command = bareProcess(process, warn, {
    denySetgroups: context.ids.denySetgroups,
    granted: context.ids.kind === "none" ? context.ids.granted : undefined,
  });
  const environment = [...(process.env ?? []), ...(context.extraEnv ?? [])];
  const propagation = rootPropagation(linux.rootfsPropagation);
  const plan: Plan = [
    ...starterOperations(spec, context),
    ...propagation.before,
    ...nameOperations(spec),
    [
      "root",
      resolve(context.bundle, spec.root.path),
      propagation.rootFlags | (context.hasUselessNodes === true ? ROOT_NODEV : 0),
    ],
    ...allMountOperations(spec, context, warn),
    ...terminalOperations(spec), // in /dev, while paths of the container are under its root
    ...bundleDevices(spec),
    // What they add to the container is covered by what is forbidden in it (runc, crun).
    ...hookOperations(spec.hooks, context),
    ...limitOperations(spec),
    ...seccompOperations(spec, context),
    ...labelOperations(process),
    context.noPivot ? ["move-root"] : ["pivot"],
    ...propagation.after,
    ...when(!context.noNewKeyring, ["keyring", `_ses.${context.id}`]),
    ...personalityOperations(linux.personality),
    ...schedulingOperations(process),
    ...commandOperations(
      { ...command, env: environment },
      {
        keepsGroups: context.ids.denySetgroups === true || annotations?.[KEPT_GROUPS] === "1",
        givenGroups: true,
      },
    ),
  ];
  return { plan, warnings };
}

function when(condition: boolean, operation: Operation): Plan {
  return condition ? [operation] : [];
}

/** What is about the process outside. */
function starterOperations({ process, linux }: RuntimeSpec, context: BundleContext): Plan {
  const { oomScoreAdj } = process;
  const { consoleSocket = "", preserveFds, cgroupDirectory = "", cgroupWaits = false } = context;
  const offsets = timeOffsetLines(linux.timeOffsets);
  return [
    ...idOperations(context),
    ...when(oomScoreAdj !== undefined, ["oom-score-adj", String(oomScoreAdj)]),
    ...linux.namespaces.flatMap(({ type, path = "" }) => {
      return when(path !== "", ["enter", CLONE[type], path, `linux.namespaces: ${type}`]);
    }),
    ["namespaces", cloneFlags(linux.namespaces.filter(({ path = "" }) => path === ""))],
    ...when(offsets !== "", ["time-offsets", offsets]),
    ...when(cgroupDirectory !== "", ["cgroup-directory", cgroupDirectory]),
    ...when(cgroupWaits, ["cgroup-wait"]),
    ["exec-fifo", context.execFifo],
    ...when(consoleSocket !== "", ["console-socket", consoleSocket]),
    ...when(preserveFds > 0, ["preserve-fds", preserveFds]),
  ];
}

function idOperations({ ids }: BundleContext): Plan {
  if (ids.kind === "none") return [];
  return [
    ["map-by", ids.kind],
    ["setgroups", ids.denySetgroups ? "deny" : "allow"],
    ["uid-map", formatIdMap(ids.uids)],
    ["gid-map", formatIdMap(ids.gids)],
  ];
}

function nameOperations({ linux, hostname, ...spec }: RuntimeSpec): Plan {
  // Its file takes a root of the machine; the call takes one of the namespace.
  const setting = Object.entries(linux.sysctl ?? {}).find(([name]) => isDomainname(name));
  const domainname = setting?.[1] ?? spec.domainname;
  const isNew = (type: NamespaceType) => {
    return linux.namespaces.some((one) => one.type === type && (one.path ?? "") === "");
  };
  return [
    ...when(domainname !== undefined, ["domainname", domainname ?? ""]),
    ...when(hostname !== undefined, ["hostname", hostname ?? ""]),
    ...when(isNew("network"), ["loopback"]),
  ];
}

function isDomainname(sysctl: string): boolean {
  return sysctlPath(sysctl) === "kernel/domainname";
}

/** Last, when all that is to be there is made. */
function limitOperations({ linux, process, root }: RuntimeSpec): Plan {
  const sysctls = Object.entries(linux.sysctl ?? {}).filter(([name]) => !isDomainname(name));
  return [
    ...sysctls.map(([name, value]) => {
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
function seccompOperations(spec: RuntimeSpec, { filters, hookState }: BundleContext): Plan {
  const { linux, ociVersion } = spec;
  if (linux.seccomp === undefined) return [];
  return [
    ...listenerOperations(linux.seccomp, { ociVersion, state: hookState("creating") }),
    ["seccomp", join(filters, rulesOf(linux.seccomp).name)],
  ];
}
