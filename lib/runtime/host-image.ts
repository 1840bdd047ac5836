/** The reserved image `host`: this machine's own root file system, through copy-on-write layers. */
import { basename, join } from "node:path";
import { MarmitaError } from "../errors.ts";
import { BIND, type Operation, type Plan } from "../native/plan.ts";
import { isWithin, type MountPoint, MountTable } from "./mountinfo.ts";

/**
 * An overlay over `/` itself is refused by the kernel, which keeps what is mounted below it
 * together. So each directory of / with nothing mounted below gets an overlay of its own; one
 * with mounts below is made anew, empty, and its entries are treated in the same way.
 */
export interface HostRootInput {
  readonly tree: HostTree;
  readonly mounts: readonly MountPoint[];
  /** The container's directory, for what is written. */
  readonly bundle: string;
  /** Hidden inside. No link in it, like all paths here. */
  readonly dataRoot: string;
  /** Must be visible wherever they are. */
  readonly visible: readonly string[];
  /**
   * Directories for nothing else, of this user alone or not there yet, the best first. One takes
   * what is written beside the data root: an overlay's upper may not lie within its lower.
   */
  readonly scratch: readonly string[];
  readonly uid: number;
  readonly id: string;
}

/** How this machine's files are looked at. Tests hand in their own. */
export interface HostTree {
  /** `undefined` where the directory may not be read. */
  list(path: string): readonly HostEntry[] | undefined;
}

export interface HostEntry {
  readonly name: string;
  readonly kind: "directory" | "file" | "symlink" | "other";
  /** Permission bits, with setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whether the caller may read it, and enter it when it is a directory. */
  readonly isReadable: boolean;
  /** What a symlink says. */
  readonly link?: string;
}

/** A directory to make before the start. */
export interface HostDirectory {
  /** In the bundle, or in one of the extra paths. */
  readonly path: string;
  readonly mode: number;
  /** Of what it lies over: for a caller who may give files away. */
  readonly uid?: number;
  readonly gid?: number;
}

export interface HostRoot {
  /** Fill the empty root; the usual mounts follow. */
  readonly operations: Plan;
  readonly directories: readonly HostDirectory[];
  /** Beside the bundle: to be deleted with the container. */
  readonly extraPaths: readonly string[];
  /** What differs from the machine, a sentence each. */
  readonly notes: readonly string[];
}

/** Mounted anew in every container, or private to the machine's running services. */
const FRESH = new Set(["/proc", "/sys", "/dev", "/run"]);

/** Types whose lookups overlayfs refuses, or that would not let its credentials in. */
const BOUND_TYPES =
  /^(?:vfat|msdos|exfat|ntfs3?|hfs|hfsplus|affs|cifs|smb3|iso9660|udf|squashfs|erofs|fuse.*)$/;
/** Nothing of a machine's files is in these. */
const PSEUDO_TYPES =
  /^(?:proc|sysfs|devtmpfs|devpts|cgroup2?|debugfs|tracefs|securityfs|pstore|bpf|configfs|fusectl|mqueue|hugetlbfs|rpc_pipefs|nsfs|binfmt_misc|efivarfs|autofs|nfsd)$/;

const MAX_DEPTH = 12;
/** Of one directory that is split, and of overlays altogether. */
const MAX_ENTRIES = 200;
const MAX_OVERLAYS = 300;

const BIND_READONLY = BIND.RECURSIVE | BIND.READONLY | BIND.NOSUID | BIND.NODEV;

/** Throws `UNSUPPORTED` where nothing can hold what is written beside the data root. */
export function planHostRoot(input: HostRootInput): HostRoot {
  const mounts = new MountTable(input.mounts);
  const scratch = chooseScratch(input, mounts);
  const planner = new Planner(input, mounts, scratch);
  planner.root();
  return planner.result();
}

interface Scratch {
  /** Holds nothing but scratch directories of this user's containers. */
  readonly parent: string;
  readonly path: string;
  /** Where it lies in the same overlay as the data root would: split down to it. */
  readonly splits: boolean;
}

/** The directory whose overlay would have the data root in its lower one. */
function overlayOf(path: string, mounts: MountTable): string {
  const names = path.split("/").slice(1);
  for (let depth = 1; depth < names.length; depth++) {
    const directory = `/${names.slice(0, depth).join("/")}`;
    if (!mounts.hasBelow(directory)) return directory;
  }
  return path;
}

function chooseScratch(input: HostRootInput, mounts: MountTable): Scratch {
  const { dataRoot, scratch, id } = input;
  const lower = overlayOf(dataRoot, mounts);
  const apart = scratch.filter((path) => !isWithin(path, dataRoot) && !isWithin(dataRoot, path));
  const parent = scratch.find((path) => !isWithin(path, lower)) ?? apart[0];
  if (parent === undefined) {
    throw new MarmitaError(
      "UNSUPPORTED",
      `image host: what is written to ${lower} needs a place outside of it`,
      {
        step: "overlay",
        hint: "Make /var/tmp writable, or use a data root (MARMITA_ROOT) on another file system.",
        details: { directory: lower },
      },
    );
  }
  return { parent, path: join(parent, id), splits: isWithin(parent, lower) };
}

/**
 * Like /tmp: programs leave their sockets there, terminals and agents among them. Read-only does
 * not keep a container from connecting, as an overlay does.
 */
function isShared({ mode }: HostEntry): boolean {
  return (mode & 0o1002) === 0o1002;
}

class Planner {
  readonly #input: HostRootInput;
  readonly #mounts: MountTable;
  readonly #scratch: Scratch;
  readonly #operations: Operation[] = [];
  readonly #directories = new Map<string, HostDirectory>();
  readonly #notes: string[] = [];
  #overlays = 0;
  #usesScratch = false;

  constructor(input: HostRootInput, mounts: MountTable, scratch: Scratch) {
    this.#input = input;
    this.#mounts = mounts;
    this.#scratch = scratch;
  }

  root(): void {
    for (const entry of this.#input.tree.list("/") ?? []) {
      if (!FRESH.has(`/${entry.name}`)) this.#entry("/", entry, 1);
    }
    this.#run();
    for (const hidden of [this.#input.dataRoot, this.#scratch.parent]) {
      this.#operations.push(["mask", hidden]);
    }
  }

  result(): HostRoot {
    return {
      operations: this.#operations,
      directories: [...this.#directories.values()],
      extraPaths: this.#usesScratch ? [this.#scratch.path] : [],
      notes: this.#notes,
    };
  }

  /** Sockets there lead out of the container. Links are kept: NixOS has its programs behind them. */
  #run(): void {
    this.#operations.push(
      ["mount", "tmpfs", "tmpfs", "/run", 0x2 | 0x4, ["mode=755", "size=64m"]],
      ["directory", "/run/lock", 0o1777],
    );
    for (const { name, kind, link = "" } of this.#input.tree.list("/run") ?? []) {
      if (kind === "symlink") this.#operations.push(["symlink", link, `/run/${name}`]);
    }
    this.#visibleBelow("/run", 1);
  }

  #visibleBelow(directory: string, depth: number): void {
    for (const path of this.#input.visible.filter((one) => isWithin(one, directory))) {
      if (path === directory) continue;
      const parent = path.slice(0, path.lastIndexOf("/"));
      const entry = this.#input.tree.list(parent)?.find(({ name }) => name === basename(path));
      if (entry !== undefined) this.#entry(parent, entry, depth + 1);
    }
  }

  #entry(parent: string, entry: HostEntry, depth: number): void {
    const path = join(parent, entry.name);
    const mount = this.#mounts.at(path);
    if (path === this.#input.dataRoot || path === this.#scratch.parent) return; // hidden anyway
    if (mount !== undefined && PSEUDO_TYPES.test(mount.type)) {
      if (entry.kind === "directory") this.#operations.push(["directory", path, 0o755]);
      return;
    }
    switch (entry.kind) {
      case "symlink":
        this.#operations.push(["symlink", entry.link ?? "", path]);
        return;
      case "file":
        if (entry.isReadable) this.#bind(path);
        return;
      case "directory":
        this.#directory(path, entry, depth);
        return;
      case "other":
        return;
      default:
        entry.kind satisfies never;
    }
  }

  #directory(path: string, entry: HostEntry, depth: number): void {
    if (!entry.isReadable) {
      this.#operations.push(["directory", path, 0o700]);
      // Further down there are many: other users' places in a shared directory.
      if (depth === 1) this.#notes.push(`${path} may not be read by this user: it is empty inside`);
      return;
    }
    const mount = this.#mounts.at(path);
    if (mount?.isReadOnly === true || BOUND_TYPES.test(this.#mounts.containing(path)?.type ?? "")) {
      this.#bind(path);
      this.#notes.push(`${path} can only be read inside`);
    } else if (this.#mustSplit(path)) {
      this.#split(path, entry, depth);
    } else {
      this.#overlay(path, entry);
    }
  }

  #mustSplit(path: string): boolean {
    const { splits, path: scratch } = this.#scratch;
    const separates = splits && isWithin(this.#input.dataRoot, path) && isWithin(scratch, path);
    return this.#mounts.hasBelow(path) || separates;
  }

  #split(path: string, entry: HostEntry, depth: number): void {
    const entries = this.#input.tree.list(path) ?? [];
    if (depth > MAX_DEPTH || entries.length > MAX_ENTRIES || this.#overlays > MAX_OVERLAYS) {
      if (isShared(entry)) {
        this.#operations.push(["directory", path, entry.mode]);
        this.#notes.push(`${path} has too much mounted below it: it is empty inside`);
        this.#visibleBelow(path, depth);
        return;
      }
      this.#bind(path);
      this.#notes.push(`${path} has too much mounted below it: it can only be read inside`);
      return;
    }
    // Made inside it would be root's, and in memory.
    if (entry.uid === this.#input.uid) this.#overlay(path, entry, this.#empty());
    else this.#operations.push(["directory", path, entry.mode]);
    for (const one of entries) this.#entry(path, one, depth + 1);
  }

  #bind(path: string): void {
    this.#operations.push(["bind", path, path, BIND_READONLY | BIND.OPTIONAL]);
  }

  #overlay(path: string, { mode, uid, gid }: HostEntry, lower = path): void {
    const name = `${this.#overlays++}-${basename(path)}`;
    const isBeside = isWithin(this.#input.dataRoot, lower);
    this.#usesScratch ||= isBeside;
    const base = isBeside ? this.#scratch.path : this.#input.bundle;
    if (isBeside) this.#make(base);
    const [upper, work] = [join(base, "upper"), join(base, "work")];
    this.#make(upper);
    this.#make(work);
    this.#make(join(work, name));
    this.#directories.set(join(upper, name), { path: join(upper, name), mode, uid, gid });
    this.#operations.push([
      "overlay-in",
      path,
      join(upper, name),
      join(work, name),
      [lower],
      ["userxattr"],
    ]);
  }

  #empty(): string {
    const path = join(this.#input.bundle, "empty");
    this.#make(path);
    return path;
  }

  #make(path: string): void {
    this.#directories.set(path, { path, mode: 0o700 });
  }
}
