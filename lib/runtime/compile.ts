/** config.json → the plan that marmita-init carries out: every decision is made here, none in C. */
import { join, resolve } from "node:path";
import { MarmitaError } from "../errors.ts";
import { formatIdMap } from "../native/helper.ts";
import { BIND, NETWORK_REQUIRED, type Operation, type Plan } from "../native/plan.ts";
import type { Device, Linux, NamespaceType, RuntimeSpec, SpecMount } from "../oci/runtime-spec.ts";
import { cgroupName } from "./cgroup-name.ts";
import { CLONE, cloneFlags } from "./clone-flags.ts";
import type { CompileContext } from "./compile-context.ts";
import { DEVICE_FLAGS, deviceOperations, isDefaultDevice } from "./compile-devices.ts";
import { processOperations, terminalOperations } from "./compile-process.ts";
import { imageOperations, readonlyOperations, rootOperations } from "./compile-rootfs.ts";
import { bindOperations, releaseOperations, volumeOperations } from "./compile-volumes.ts";
import { nestedExtents } from "./container-ids.ts";
import { borrowOperation, joinOperation, joinedTypes } from "./joins.ts";
import { bindFlags, checkNewMount, parseMountOptions } from "./mount-options.ts";
import { refuseUnsupported } from "./refuse.ts";
import { rulesOf } from "./seccomp/rules.ts";
import { sysctlPath } from "./sysctls.ts";

/** Throws `UNSUPPORTED`, naming the field, for what config.json asks and marmita cannot do. */
export function compile(spec: RuntimeSpec, context: CompileContext): Plan {
  const joined = joinedTypes(context.joins ?? []);
  refuseUnsupported(spec, joined);
  const { linux } = spec;
  const own = linux.namespaces.filter(({ type }) => !joined.has(type));
  const has = (type: NamespaceType) => own.some((one) => one.type === type);
  const { "kernel.domainname": domainname = spec.domainname, ...sysctls } = linux.sysctl ?? {};
  const isReadonly = spec.root.readonly === true;
  return [
    ...keeperOperations(spec, context),
    ...when(context.becomesRoot === true, ["become-root", [join(context.bundle, "upper")]]),
    ["propagation"],
    ...when(domainname !== undefined, ["domainname", domainname ?? ""]),
    ...when(has("uts") && spec.hostname !== undefined, ["hostname", spec.hostname ?? ""]),
    ...when(has("network"), ["loopback"]),
    ...rootOperations(spec, context),
    ...volumeOperations(context),
    ...imageOperations(context),
    ...(spec.mounts ?? []).flatMap((mount) => mountOperations(mount, context, has("cgroup"))),
    ...terminalOperations(spec), // in /dev, while paths of the container are under its root
    ...(linux.devices ?? []).flatMap(deviceOperation),
    ...Object.entries({ ...sysctls, ...rootLimits(spec, context) }).map(sysctlOperation),
    ...(linux.maskedPaths ?? []).map((path) => ["mask", path] as const),
    ...(linux.readonlyPaths ?? []).map((path) => ["readonly", path] as const),
    // It cannot be made later in a root that is read-only.
    ...when(isReadonly, ["directory", spec.process.cwd, 0o755]),
    ...(isReadonly ? readonlyOperations(spec, context) : []),
    ...seccompOperations(spec, context),
    ["pivot"],
    ["keyring", `marmita-${context.id.slice(0, 12)}`],
    ...processOperations(spec, context),
  ];
}

/** The file is read while it is in reach, and put to use at the very end. */
function seccompOperations({ linux }: RuntimeSpec, { filters }: CompileContext): Plan {
  if (linux.seccomp === undefined) return [];
  return [["seccomp", join(filters, rulesOf(linux.seccomp).name)]];
}

function when(condition: boolean, operation: Operation): Plan {
  return condition ? [operation] : [];
}

function keeperOperations({ linux, process }: RuntimeSpec, context: CompileContext): Plan {
  const { remove, joins = [] } = context;
  const { oomScoreAdj } = process;
  const joined = joinedTypes(joins);
  const own = linux.namespaces.filter(({ type }) => !joined.has(type));
  return [
    ["container", context.id, context.title],
    ["bundle", context.bundle],
    ["live", context.live],
    ...when(context.name !== undefined, ["name", context.name ?? ""]),
    ...when(remove !== undefined, ["remove", remove?.trash ?? "", remove?.trees ?? []]),
    ...releaseOperations(context),
    ...streamOperations(context),
    ...healthOperations(context),
    ...(joins.length === 0 ? mapOperations(linux, context) : []),
    ...joins.map((one) => joinOperation(one, CLONE)),
    ...when(oomScoreAdj !== undefined, ["oom-score-adj", String(oomScoreAdj)]),
    ["namespaces", cloneFlags(own)],
    ...networkOperations(context),
    ...eventOperations(context),
    ...when(context.hasCgroup2, ["cgroup", cgroupName(context.id)]),
  ];
}

function eventOperations({ events }: CompileContext): Plan {
  return events === undefined ? [] : [["events", events.path, JSON.stringify(events.attributes)]];
}

function healthOperations({ health }: CompileContext): Plan {
  if (health === undefined) return [];
  const { plan, intervalMs, timeoutMs, startPeriodMs, startIntervalMs, retries } = health;
  return [["health", plan, intervalMs, timeoutMs, startPeriodMs, startIntervalMs, retries]];
}

function streamOperations({ log, openStdin = false, restart }: CompileContext): Plan {
  return [
    ...(log === undefined ? [] : [["log", log.path, log.maxSize, log.maxFiles] as const]),
    ...when(openStdin, ["stdin", 1]),
    ...(restart === undefined ? [] : [["restart", restart.name, restart.maxRetries] as const]),
  ];
}

function mapOperations(
  { uidMappings = [], gidMappings = [] }: Linux,
  context: CompileContext,
): Plan {
  const { mapping } = context;
  const uids = nestedExtents(uidMappings, mapping.uids);
  const gids = nestedExtents(gidMappings, mapping.gids);
  if (uids.length === 0 || gids.length === 0) {
    throw new MarmitaError(
      "INVALID_ARGUMENT",
      "config.json: uidMappings and gidMappings are empty",
    );
  }
  return [
    ["setgroups", mapping.setgroups ? "allow" : "deny"],
    ["uid-map", formatIdMap(uids)],
    ["gid-map", formatIdMap(gids)],
  ];
}

function networkOperations({ network, bundle }: CompileContext): Plan {
  if (network === undefined) return [];
  const flags = network.isRequired ? NETWORK_REQUIRED : 0;
  return [
    ...network.helpers.map(({ name, command }) => ["network", name, flags, command] as const),
    ["hosts", join(bundle, "hosts"), network.otherHosts, network.ownNames],
  ];
}

function mountOperations(mount: SpecMount, context: CompileContext, ownCgroups: boolean): Plan {
  const { bundle, hasCgroup2, joins = [] } = context;
  const borrowed = borrowOperation(mount, joins);
  if (borrowed !== undefined) return [borrowed];
  const { destination: target, type = "", source = type } = mount;
  const options = parseMountOptions(mount.options ?? [], target);
  if (type === "bind" || options.bind) {
    const flags = bindFlags(options, target);
    return bindOperations({ source: resolve(bundle, source), target, flags }, context);
  }
  checkNewMount(options, target);
  switch (type) {
    case "proc":
    case "sysfs":
    case "mqueue":
    case "devpts":
      return [["mount", type, source, target, options.attributes, options.data]];
    case "tmpfs":
      return [
        ["mount", type, source, target, options.attributes, options.data],
        ...(target === "/dev" ? deviceOperations() : []),
      ];
    case "cgroup":
    case "cgroup2": {
      // A v1 hierarchy cannot be mounted in a user namespace; then the directory stays empty.
      const isPossible = hasCgroup2 && ownCgroups;
      return when(isPossible, ["mount", "cgroup2", "cgroup", target, options.attributes, []]);
    }
    default:
      throw new MarmitaError(
        "UNSUPPORTED",
        `config.json: mount of type ${JSON.stringify(type)} at ${target} is not supported`,
        { details: { type, target } },
      );
  }
}

/** The node that this machine has at the same path, as other runtimes do it without root. */
function deviceOperation({ type, path }: Device): Plan {
  if (type === "p") {
    throw new MarmitaError("UNSUPPORTED", `config.json: linux.devices: the pipe ${path}`, {
      details: { path },
    });
  }
  return isDefaultDevice(path) ? [] : [["bind", path, path, DEVICE_FLAGS & ~BIND.OPTIONAL]];
}

/**
 * Root inside is root of this machine, whose capabilities are all that keeps it from the kernel's
 * files: it may not make a namespace that gives them again, unless it was given the one that counts.
 */
function rootLimits({ process }: RuntimeSpec, { mapping }: CompileContext): Record<string, string> {
  const hasAll = process.capabilities?.bounding?.includes("CAP_SYS_ADMIN") === true;
  return mapping.mode === "root" && !hasAll ? { "user.max_user_namespaces": "0" } : {};
}

function sysctlOperation([name, value]: readonly [string, string]): Operation {
  return ["file", `/proc/sys/${sysctlPath(name)}`, 0o644, value];
}
