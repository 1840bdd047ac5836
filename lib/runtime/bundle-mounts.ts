/** The mounts of a bundle's config.json → operations, whatever type the kernel knows. */
import { resolve } from "node:path";
import { MarmitaError } from "../errors.ts";
import { type IdExtent, formatIdMap } from "../native/helper.ts";
import { BIND, type Operation, type Plan, REMOUNT_ATTRIBUTES } from "../native/plan.ts";
import type { IdMappingLine, SpecMount } from "../oci/runtime-spec.ts";
import {
  type BundleMountOptions,
  SUPERBLOCK_WORDLESS,
  parseBundleMountOptions,
  unsupportedOption,
  wrongOption,
} from "./bundle-mount-options.ts";
import { PROPAGATION, type Propagation } from "./mount-options.ts";

/** A mount of config.json, with what the specification says of its ids since 1.2. */
export type MappedMount = SpecMount & {
  readonly uidMappings?: readonly IdMappingLine[] | undefined;
  readonly gidMappings?: readonly IdMappingLine[] | undefined;
};

export interface BundleMountContext {
  /** Absolute. */
  readonly bundle: string;
  /** Whether /sys/fs/cgroup of this machine is a cgroup v2 tree: filesystems.ts. */
  readonly hasCgroup2: boolean;
  /** Whether the container has a cgroup namespace that is new. */
  readonly ownCgroups: boolean;
  /** `none`: without a user namespace. `direct`: its maps are written by us, and may be elsewhere. */
  readonly ids: {
    readonly kind: "none" | "direct" | "helpers";
    readonly uids?: readonly IdExtent[];
    readonly gids?: readonly IdExtent[];
  };
  /** The option that new file systems get: labels.ts, `mountContext()`. */
  readonly label?: string | undefined;
  /** Told what the kernel passes over, as other runtimes have it do, a sentence each. */
  readonly warn?: ((text: string) => void) | undefined;
}

/**
 * Throws with `details.target`: `UNSUPPORTED` for what cannot be kept, `INVALID_ARGUMENT` for what
 * makes no sense.
 */
export function bundleMountOperations(mount: MappedMount, context: BundleMountContext): Plan {
  const { destination: target, type = "" } = mount;
  const options = parseBundleMountOptions(mount);
  const isBind = options.bind || type === "bind";
  if (options.remount) return remountOperations(mount, options);
  if (options.tmpcopyup && type !== "tmpfs") {
    throw unsupportedOption(mount, "tmpcopyup", "is for a tmpfs only");
  }
  if (isBind) return bindOperations(mount, options, context);
  if (options.idmap !== undefined || hasMappings(mount)) {
    throw unsupportedOption(mount, "idmap", "is for a bind mount only");
  }
  if (type === "cgroup" || type === "cgroup2") return cgroupOperations(mount, options, context);
  if (type === "") {
    throw new MarmitaError("INVALID_ARGUMENT", `config.json: the mount at ${target} has no type`, {
      details: { field: "mounts", target },
    });
  }
  return newOperations(mount, options, context);
}

function newOperations(
  { destination: target, type = "", source = type }: MappedMount,
  options: BundleMountOptions,
  { label }: BundleMountContext,
): Plan {
  const { top, tree, data } = options;
  // The kernel has labels of its own for these.
  const isLabelled = label !== undefined && !/^(?:proc|sysfs|mqueue)$/.test(type);
  const labels = isLabelled ? [label] : [];
  // Nothing is mounted below it yet.
  const set = (top.set & ~tree.clear) | tree.set;
  // The file system itself too, where its device or its files may be read-only.
  const own = (set & 1) !== 0 && !IN_MEMORY.test(type) ? ["ro"] : [];
  const all = [...own, ...data, ...labels];
  if (options.tmpcopyup) {
    return [
      ...attributeOperations({ ...options, top: { set, clear: 0 } }),
      ["tmpfs-copy", target, all],
    ];
  }
  const rest = { ...options, top: NOTHING, tree: NOTHING };
  return [...attributeOperations(rest), ["mount", type, source, target, set, all]];
}

/** What nothing lies below, and others may have mounted as well. */
const IN_MEMORY = /^(?:proc|sysfs|mqueue|devpts|tmpfs|ramfs|cgroup2)$/;

const NOTHING = { set: 0, clear: 0 };

/** MS_… of mount(2). */
const PROPAGATION_FLAGS: Readonly<Record<Propagation, number>> = {
  private: 1 << 18,
  rprivate: 1 << 18,
  slave: 1 << 19,
  rslave: 1 << 19,
  shared: 1 << 20,
  rshared: 1 << 20,
  unbindable: 1 << 17,
  runbindable: 1 << 17,
};

/** What the next mount is to be beside what its own operation says. */
function attributeOperations(options: BundleMountOptions, isBind = false): Plan {
  const { top, tree, superblock, propagation } = options;
  const how = isBind || propagation === undefined ? 0 : PROPAGATION_FLAGS[propagation];
  const numbers = [top.set, top.clear, tree.set, tree.clear, how, superblock] as const;
  return numbers.every((number) => number === 0) ? [] : [["mount-attributes", ...numbers]];
}

function bindOperations(
  mount: MappedMount,
  options: BundleMountOptions,
  context: BundleMountContext,
): Plan {
  const { destination: target, source } = mount;
  if (source === undefined || source === "") {
    throw new MarmitaError("INVALID_ARGUMENT", `config.json: the bind at ${target} has no source`, {
      details: { field: "mounts", target },
    });
  }
  if (options.data.length > 0) {
    const words = options.data.map((word) => JSON.stringify(word)).join(", ");
    context.warn?.(`mount options ${words} of ${target} mean nothing: a bind makes no file system`);
  }
  if (options.superblock !== 0) {
    const word = options.superblockWords.at(-1) ?? "iversion";
    throw unsupportedOption(
      mount,
      word,
      "is not supported: it is the file system's, which others have too",
    );
  }
  const { recursive, propagation = "rprivate", idmap } = options;
  const flags =
    PROPAGATION[propagation] |
    (recursive ? BIND.RECURSIVE : 0) |
    (idmap?.recursive === true ? BIND.IDMAP_BELOW : 0);
  // What the source's mount forbids stays so: in a user namespace nobody may take it away.
  const own = { ...options, top: { set: options.top.set, clear: options.top.clear & ATIME } };
  const path = resolve(context.bundle, source);
  return [
    ...attributeOperations(own, true),
    bindOperation({ mount, path, flags, options }, context),
  ];
}

const ATIME = 0x70;

interface Bind {
  readonly mount: MappedMount;
  readonly path: string;
  readonly flags: number;
  readonly options: BundleMountOptions;
}

function bindOperation(bind: Bind, { ids }: BundleMountContext): Operation {
  const { mount, path, flags, options } = bind;
  const { destination: target, uidMappings = [], gidMappings = [] } = mount;
  if (!hasMappings(mount) && options.idmap === undefined) return ["bind", path, target, flags];
  if (hasMappings(mount)) {
    if (uidMappings.length === 0 || gidMappings.length === 0) {
      throw wrongOption(mount, "idmap", "needs both uidMappings and gidMappings");
    }
    return ["bind-mapped", path, target, flags, linesOf(uidMappings), linesOf(gidMappings)];
  }
  const { maps } = options.idmap ?? {};
  if (maps !== undefined) return ["bind-mapped", path, target, flags, maps.uids, maps.gids];
  if (ids.kind === "none") {
    throw wrongOption(mount, "idmap", "needs mappings, or a user namespace");
  }
  if (ids.kind === "helpers") return ["bind", path, target, flags | BIND.IDMAP];
  const [uids, gids] = [formatIdMap(ids.uids ?? []), formatIdMap(ids.gids ?? [])];
  return ["bind-mapped", path, target, flags, uids, gids];
}

function hasMappings({ uidMappings = [], gidMappings = [] }: MappedMount): boolean {
  return uidMappings.length > 0 || gidMappings.length > 0;
}

function linesOf(lines: readonly IdMappingLine[]): string {
  return lines
    .map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`)
    .join("");
}

const CGROUP_TREE = "/sys/fs/cgroup";

/**
 * The machine's tree, from the container's own group on where it has a namespace of its own. Of
 * trees of the old kind there is nothing to be had in a user namespace: then the directory is empty.
 */
function cgroupOperations(
  mount: MappedMount,
  options: BundleMountOptions,
  context: BundleMountContext,
): Plan {
  const { destination: target } = mount;
  if (!context.hasCgroup2) return [["directory", target, 0o755]];
  const { top, tree } = options;
  const set = (top.set & ~tree.clear) | tree.set;
  if (context.ownCgroups) {
    // Options of a hierarchy of the old kind mean nothing here, as under runc and crun.
    return newOperations(
      { destination: target, type: "cgroup2", source: "cgroup" },
      { ...options, data: [] },
      { ...context, label: undefined },
    );
  }
  const whole = { ...options, top: NOTHING, tree: { set, clear: 0 } };
  return [...attributeOperations(whole, true), ["bind", CGROUP_TREE, target, BIND.RECURSIVE]];
}

function remountOperations(mount: MappedMount, options: BundleMountOptions): Plan {
  const { destination: target } = mount;
  const { bind, superblock, superblockWords, data, top } = options;
  if (bind ? superblock !== 0 : (superblock & SUPERBLOCK_WORDLESS) !== 0) {
    throw unsupportedOption(mount, "remount", "cannot change what it asks of the file system");
  }
  const readonly = (top.set & 1) !== 0 ? ["ro"] : (top.clear & 1) !== 0 ? ["rw"] : [];
  const words = [...readonly, ...superblockWords, ...data];
  return [
    ...attributeOperations({ ...options, superblock: 0 }),
    ["remount", target, bind ? REMOUNT_ATTRIBUTES : 0, bind ? [] : words],
  ];
}
