/** The mounts of a container's config.json: Docker's defaults, then the user's, parents first. */
import { posix } from "node:path";
import { MarmitaError } from "../errors.ts";
import type { SpecMount } from "../oci/runtime-spec.ts";
import { type ConfinementOptions, DEFAULT_SHM_BYTES } from "./confinement.ts";
import type { Propagation } from "./mount-options.ts";
import type { Security } from "./security.ts";
import type { NetworkLevel } from "./network.ts";

/** A directory or file of this machine. `source` is absolute and exists. */
export interface BindRequest {
  readonly type: "bind";
  readonly source: string;
  readonly target: string;
  readonly readOnly?: boolean | undefined;
  /** Whether what is mounted below it is read-only with it. Default: true. */
  readonly readOnlyRecursive?: boolean | undefined;
  /** With what is mounted below it. Default: true. */
  readonly recursive?: boolean | undefined;
  /** Default: `rprivate`. */
  readonly propagation?: Propagation | undefined;
  readonly idmap?: boolean | undefined;
  readonly noexec?: boolean | undefined;
  readonly nosuid?: boolean | undefined;
  readonly nodev?: boolean | undefined;
  /** Nothing can be mounted below a file: crun 1.8 takes `rro` for directories only. */
  readonly isFile?: boolean | undefined;
}

export interface TmpfsRequest {
  readonly type: "tmpfs";
  readonly target: string;
  readonly readOnly?: boolean | undefined;
  readonly sizeBytes?: number | undefined;
  readonly mode?: number | undefined;
  /** Mount options beyond these, as after the colon of Docker's --tmpfs: `exec`, `uid=5`. */
  readonly options?: readonly string[] | undefined;
}

export type MountRequest = BindRequest | TmpfsRequest;

export interface MountsInput extends Pick<
  ConfinementOptions,
  "pid" | "ipc" | "cgroupns" | "shmSizeBytes"
> {
  readonly requests: readonly MountRequest[];
  readonly network: NetworkLevel;
  /** hosts, hostname and resolv.conf: mounted unless the user mounts something there. */
  readonly etc: readonly BindRequest[];
  /** Whether group 5 (tty) exists in the container's user namespace. */
  readonly hasTtyGroup: boolean;
  readonly security: Pick<Security, "writable" | "procOptions" | "devices">;
}

/** moby, daemon/pkg/oci/defaults.go. */
function defaultMounts(input: MountsInput): readonly SpecMount[] {
  const pseudo = ["nosuid", "noexec", "nodev"];
  const pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
  return [
    procMount(input, pseudo),
    kernel("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    // Naming a group that is not mapped is refused by devpts.
    kernel("/dev/pts", "devpts", input.hasTtyGroup ? [...pts, "gid=5"] : pts),
    ...systemMounts(input, pseudo),
    ...ipcMounts(input, pseudo),
    ...input.security.devices.map(deviceMount),
  ];
}

/** A fresh procfs takes a pid namespace of the container's own user namespace. */
function procMount({ pid, security }: MountsInput, pseudo: readonly string[]): SpecMount {
  const options = [...pseudo, ...security.procOptions];
  return pid === "host" ? hostTree("/proc", options) : kernel("/proc", "proc", options);
}

/** A fresh mqueue would show this machine's queues: it is left out where these are shared. */
function ipcMounts(
  { ipc, shmSizeBytes = DEFAULT_SHM_BYTES }: MountsInput,
  pseudo: readonly string[],
): readonly SpecMount[] {
  if (ipc === "host") return [hostTree("/dev/shm", pseudo)];
  const shm = kernel("/dev/shm", "tmpfs", [...pseudo, "mode=1777", `size=${shmSizeBytes}`]);
  return [
    kernel("/dev/mqueue", "mqueue", pseudo),
    ...(ipc === "none" ? [] : [{ ...shm, source: "shm" }]),
  ];
}

function hostTree(path: string, options: readonly string[]): SpecMount {
  return {
    destination: path,
    type: "bind",
    source: path,
    options: ["rbind", ...options, "rprivate"],
  };
}

function systemMounts(
  { network, cgroupns, security }: MountsInput,
  pseudo: readonly string[],
): readonly SpecMount[] {
  const access = (path: string, word: string) => (security.writable.includes(path) ? [] : [word]);
  // A fresh sysfs takes a network namespace of the container's own user namespace.
  if (network === "host") return [hostTree("/sys", [...pseudo, ...access("/sys", "rro")])];
  return [
    kernel("/sys", "sysfs", [...pseudo, ...access("/sys", "ro")]),
    cgroupns === "host"
      ? hostTree("/sys/fs/cgroup", [...pseudo, ...access("/sys/fs/cgroup", "rro")])
      : kernel("/sys/fs/cgroup", "cgroup", [...access("/sys/fs/cgroup", "ro"), ...pseudo]),
  ];
}

function kernel(destination: string, type: string, options: readonly string[]): SpecMount {
  return { destination, type, source: type, options };
}

/** Read-only is the node, not the device. */
function deviceMount(path: string): SpecMount {
  const options = ["bind", "ro", "nosuid", "noexec", "rprivate"];
  return { destination: path, type: "bind", source: path, options };
}

/** What lxcfs has its own files for; anything else there is what masks and limits are made of. */
const COUNTERS = /^\/proc\/(?:cpuinfo|diskstats|meminfo|stat|swaps|uptime|loadavg|slabinfo)$/;

/**
 * A user's mount replaces the default one at the same path, and one at /dev replaces all below.
 * Throws `INVALID_ARGUMENT` for two mounts of the same target, and for one of / or inside /proc.
 */
export function containerMounts(input: MountsInput): readonly SpecMount[] {
  const targets = new Set<string>();
  for (const { target } of input.requests) {
    const path = posix.resolve("/", target);
    if (path === "/") throw invalid("cannot mount over the root directory of a container", path);
    if (/^\/proc(?:\/|$)/.test(path) && !COUNTERS.test(path)) {
      throw invalid(`cannot mount at ${path}: /proc is the container's own`, path);
    }
    if (targets.has(path)) throw invalid(`more than one mount for ${path}`, path);
    targets.add(path);
  }
  const defaults = defaultMounts(input).filter(({ destination }) => {
    return !targets.has(destination) && !(targets.has("/dev") && destination.startsWith("/dev/"));
  });
  const etc = input.etc.filter(({ target }) => !targets.has(target));
  const own = [...input.requests, ...etc].map(mountSpec);
  return [...defaults, ...own.sort((one, other) => depth(one) - depth(other))];
}

function invalid(message: string, target: string): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", message, { details: { target } });
}

function depth({ destination }: SpecMount): number {
  return destination.split("/").length;
}

function mountSpec(request: MountRequest): SpecMount {
  const destination = posix.resolve("/", request.target);
  if (request.type === "bind") {
    return { destination, type: "bind", source: request.source, options: bindWords(request) };
  }
  const { sizeBytes, mode, readOnly = false, options = [] } = request;
  const sized = sizeBytes === undefined ? [] : [`size=${sizeBytes}`];
  const moded = mode === undefined ? [] : [`mode=${mode.toString(8).padStart(4, "0")}`];
  const flags = ["noexec", "nosuid", "nodev", "rprivate", ...(readOnly ? ["ro"] : [])];
  const asked = [...flags, ...sized, ...moded, ...options];
  return { destination, type: "tmpfs", source: "tmpfs", options: lastOfEach(asked) };
}

function bindWords(request: BindRequest): readonly string[] {
  const { recursive = request.isFile !== true, propagation = "rprivate" } = request;
  const { readOnlyRecursive = true, readOnly = false, noexec, nosuid, nodev, idmap } = request;
  return [
    recursive ? "rbind" : "bind",
    ...(noexec === true ? ["noexec"] : []),
    ...(nosuid === true ? ["nosuid"] : []),
    ...(nodev === true ? ["nodev"] : []),
    ...(readOnly ? [recursive && readOnlyRecursive ? "rro" : "ro"] : []),
    ...(idmap === true ? ["idmap"] : []),
    propagation,
  ];
}

const OPPOSITES: Readonly<Record<string, string>> = {
  exec: "noexec",
  suid: "nosuid",
  dev: "nodev",
  rw: "ro",
};

/** Of options that exclude each other the last one counts (moby/sys, MergeTmpfsOptions). */
function lastOfEach(options: readonly string[]): readonly string[] {
  const last = new Map<string, string>();
  for (const option of options) {
    const key = OPPOSITES[option] ?? option.replace(/=.*/, "");
    last.delete(key);
    last.set(key, option);
  }
  return [...last.values()];
}
