/** config.json → the plan that marmita-init carries out: every decision is made here, none in C. */
import { join, resolve } from "node:path";
import { MarmitaError } from "../errors.ts";
import { formatIdMap } from "../native/helper.ts";
import { BIND, type Operation, type Plan, ROOT_BIND, USER } from "../native/plan.ts";
import type { NamespaceType, RuntimeSpec, SpecMount } from "../oci/runtime-spec.ts";
import { capabilityMask } from "./capabilities.ts";
import { nestedExtents } from "./container-ids.ts";
import type { IdMapping } from "./id-maps.ts";
import { bindFlags, parseMountOptions } from "./mount-options.ts";
import { isWithin } from "./mountinfo.ts";
import { refuseUnsupported } from "./refuse.ts";

/** Where a container's files are and what of it is known to its keeper. All paths are absolute. */
export interface CompileContext {
  readonly id: string;
  /** How its keeper calls itself: the container's name. */
  readonly title: string;
  /** The directory of the bundle. */
  readonly bundle: string;
  readonly live: string;
  /** The link that takes the container's name, which goes with the container. */
  readonly name?: string | undefined;
  /** Present: the container goes when its process ends, by way of this path; `trees` go too. */
  readonly remove?: { readonly trash: string; readonly trees?: readonly string[] } | undefined;
  /** Of the namespace that the keeper runs in. */
  readonly mapping: IdMapping;
  readonly rootfs: Rootfs;
  /** Whether /sys/fs/cgroup of this machine is a cgroup v2 tree. */
  readonly hasCgroup2: boolean;
}

export type Rootfs =
  /** Directories of layers, the top first; what is written goes to `upper` in the bundle. */
  | { readonly kind: "overlay"; readonly lowers: readonly string[] }
  | {
      readonly kind: "fuse-overlayfs";
      readonly lowers: readonly string[];
      /** Its path. */
      readonly program: string;
    }
  /** Already there, at the bundle's `root.path`. */
  | { readonly kind: "directory" }
  /** Image `host`: operations that fill an empty tmpfs (host-image.ts). */
  | { readonly kind: "host"; readonly operations: Plan };

const CLONE: Readonly<Record<NamespaceType, number>> = {
  time: 0x80,
  mount: 0x2_0000,
  cgroup: 0x200_0000,
  uts: 0x400_0000,
  ipc: 0x800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  network: 0x4000_0000,
};

/** runtime-spec, config-linux.md, "Default Devices". */
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];
/** Read-only is the node, not the device: root of this machine inside may use it, not change it. */
const DEVICE_FLAGS = BIND.OPTIONAL | BIND.READONLY | BIND.NOSUID | BIND.NOEXEC;
const DEVICE_LINKS = [
  ["/proc/self/fd", "/dev/fd"],
  ["/proc/self/fd/0", "/dev/stdin"],
  ["/proc/self/fd/1", "/dev/stdout"],
  ["/proc/self/fd/2", "/dev/stderr"],
  ["/proc/kcore", "/dev/core"],
  ["pts/ptmx", "/dev/ptmx"],
] as const;

/** Throws `UNSUPPORTED`, naming the field, for what config.json asks and marmita cannot do. */
export function compile(spec: RuntimeSpec, context: CompileContext): Plan {
  refuseUnsupported(spec);
  const { linux } = spec;
  const has = (type: NamespaceType) => linux.namespaces.some((one) => one.type === type);
  const isReadonly = spec.root.readonly === true;
  return [
    ...keeperOperations(spec, context),
    ["propagation"],
    ...when(has("uts") && spec.hostname !== undefined, ["hostname", spec.hostname ?? ""]),
    ...when(has("network"), ["loopback"]),
    ...rootOperations(spec, context),
    ...(spec.mounts ?? []).flatMap((mount) => mountOperations(mount, context, has("cgroup"))),
    ...Object.entries({ ...linux.sysctl, ...rootLimits(context) }).map(sysctlOperation),
    ...(linux.maskedPaths ?? []).map((path) => ["mask", path] as const),
    ...(linux.readonlyPaths ?? []).map((path) => ["readonly", path] as const),
    // It cannot be made later in a root that is read-only.
    ...when(isReadonly, ["directory", spec.process.cwd, 0o755]),
    ...(isReadonly ? readonlyOperations(spec, context) : []),
    ["pivot"],
    ["keyring", `marmita-${context.id.slice(0, 12)}`],
    ...processOperations(spec, context),
  ];
}

function when(condition: boolean, operation: Operation): Plan {
  return condition ? [operation] : [];
}

function keeperOperations({ linux }: RuntimeSpec, context: CompileContext): Plan {
  const { mapping, remove } = context;
  const uids = nestedExtents(linux.uidMappings ?? [], mapping.uids);
  const gids = nestedExtents(linux.gidMappings ?? [], mapping.gids);
  if (uids.length === 0 || gids.length === 0) {
    throw new MarmitaError(
      "INVALID_ARGUMENT",
      "config.json: uidMappings and gidMappings are empty",
    );
  }
  const flags = new Set(linux.namespaces.map(({ type }) => CLONE[type]));
  return [
    ["container", context.id, context.title],
    ["bundle", context.bundle],
    ["live", context.live],
    ...when(context.name !== undefined, ["name", context.name ?? ""]),
    ...when(remove !== undefined, ["remove", remove?.trash ?? "", remove?.trees ?? []]),
    ["setgroups", mapping.setgroups ? "allow" : "deny"],
    ["uid-map", formatIdMap(uids)],
    ["gid-map", formatIdMap(gids)],
    ["namespaces", [...flags].reduce((sum, flag) => sum + flag, 0)],
  ];
}

/**
 * `volatile`: the end of an overlay otherwise writes out all that anybody has not yet written to
 * the disk it is on, which no container needs that goes in the next moment.
 */
function overlayOptions({ remove }: CompileContext): readonly string[] {
  return remove === undefined ? ["userxattr"] : ["userxattr", "volatile"];
}

function rootOperations(spec: RuntimeSpec, context: CompileContext): Plan {
  const { bundle, rootfs } = context;
  const target = resolve(bundle, spec.root.path);
  const [upper, work] = [join(bundle, "upper"), join(bundle, "work")];
  switch (rootfs.kind) {
    case "overlay": {
      // An image without layers: the empty mount point stands for one.
      const lowers = rootfs.lowers.length > 0 ? rootfs.lowers : [target];
      return [
        ["overlay", target, upper, work, lowers, overlayOptions(context)],
        ["root", target, 0],
      ];
    }
    case "fuse-overlayfs": {
      const lowers = rootfs.lowers.length > 0 ? rootfs.lowers : [target];
      const options = fuseOptions({ lowers, upper, work });
      const command = [rootfs.program, "-f", "-o", options, target];
      return [
        ["fuse-overlayfs", target, command],
        // The keeper's mount is locked in the child's copy of it: pivot_root takes a mount of its own.
        ["root", target, ROOT_BIND],
      ];
    }
    case "directory":
      return [["root", target, ROOT_BIND]];
    case "host":
      return [
        ["tmpfs-root", target, ["mode=755", "size=64m"]],
        ["root", target, 0],
        ...rootfs.operations.map((operation) => hostOperation(operation, context)),
      ];
    default:
      return rootfs satisfies never;
  }
}

/** Last, when all mount points are made. The root of image `host` is made of many mounts. */
function readonlyOperations({ mounts = [] }: RuntimeSpec, { rootfs }: CompileContext): Plan {
  const parts = rootfs.kind === "host" ? rootfs.operations : [];
  const overlays = parts.flatMap(([name, target]) => (name === "overlay-in" ? [target] : []));
  const isCovered = (path: string) => mounts.some(({ destination }) => isWithin(path, destination));
  return [
    ...overlays.filter((path) => !isCovered(path)).map((path) => ["mount-readonly", path] as const),
    ["root-readonly"],
  ];
}

function hostOperation(operation: Operation, context: CompileContext): Operation {
  if (operation[0] !== "overlay-in") return operation;
  const [name, target, upper, work, lowers] = operation;
  return [name, target, upper, work, lowers, overlayOptions(context)];
}

function fuseOptions(paths: { lowers: readonly string[]; upper: string; work: string }): string {
  const { lowers, upper, work } = paths;
  const odd = [...lowers, upper, work].find((path) => /[:,\\]/.test(path));
  if (odd !== undefined) {
    // fuse-overlayfs has no way to write them.
    throw new MarmitaError("UNSUPPORTED", `fuse-overlayfs takes no path with ":" or ",": ${odd}`, {
      step: "fuse-overlayfs",
      hint: "Use a data root without these characters.",
    });
  }
  return `lowerdir=${lowers.join(":")},upperdir=${upper},workdir=${work}`;
}

function mountOperations(
  mount: SpecMount,
  { bundle, hasCgroup2 }: CompileContext,
  ownCgroups: boolean,
): Plan {
  const { destination: target, type = "", source = type } = mount;
  const options = parseMountOptions(mount.options ?? [], target);
  if (type === "bind" || options.bind) {
    return [["bind", resolve(bundle, source), target, bindFlags(options, target)]];
  }
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

/** Nodes cannot be made in a user namespace: those of this machine are bound. */
function deviceOperations(): Plan {
  return [
    ...DEVICES.map((name) => ["bind", `/dev/${name}`, `/dev/${name}`, DEVICE_FLAGS] as const),
    ...DEVICE_LINKS.map(([text, path]) => ["symlink", text, path] as const),
  ];
}

/**
 * Root inside is root of this machine, whose capabilities are all that keeps it from the kernel's
 * files: it may not make a namespace that gives them again.
 */
function rootLimits({ mapping }: CompileContext): Record<string, string> {
  return mapping.mode === "root" ? { "user.max_user_namespaces": "0" } : {};
}

function sysctlOperation([name, value]: readonly [string, string]): Operation {
  return ["file", `/proc/sys/${name.replaceAll(".", "/")}`, 0o644, value];
}

/** In image `host` the caller itself may read what its groups may. */
function isCaller({ process, linux }: RuntimeSpec, { mapping, rootfs }: CompileContext): boolean {
  const { uid, username = "" } = process.user;
  if (rootfs.kind !== "host" || !/^\d+(?::\d+)?$/.test(username)) return false;
  const own = mapping.uids.find(({ inside }) => inside === 0)?.outside;
  const line = linux.uidMappings?.find(({ containerID, size }) => {
    return uid >= containerID && uid < containerID + size;
  });
  return line !== undefined && line.hostID + (uid - line.containerID) === own;
}

function processOperations(spec: RuntimeSpec, context: CompileContext): Plan {
  const { process } = spec;
  const { user, capabilities = {} } = process;
  const keepsGroups = !context.mapping.setgroups || isCaller(spec, context);
  const who = user.username ?? `${user.uid}:${user.gid}`;
  const groups = (user.additionalGids ?? []).map(String);
  const mask = (names: readonly string[] | undefined) => capabilityMask(names ?? []);
  return [
    ["user", who, groups, USER.SETS_HOME | (keepsGroups ? USER.KEEPS_GROUPS : 0)],
    ["workdir", process.cwd],
    [
      "capabilities",
      mask(capabilities.bounding),
      mask(capabilities.effective),
      mask(capabilities.permitted),
      mask(capabilities.inheritable),
      mask(capabilities.ambient),
    ],
    ...when(process.noNewPrivileges === true, ["no-new-privileges"]),
    ["umask", user.umask ?? 0o022],
    ["environment", process.env ?? []],
    ["command", process.args],
  ];
}
