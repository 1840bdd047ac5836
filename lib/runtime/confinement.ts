/** What a container may be told of its process and its namespaces, beside network and mounts. */
import { MarmitaError } from "../errors.ts";
import { sysctlNamespace } from "./sysctls.ts";
import type { Ulimits } from "./ulimits.ts";

/** `container:` is followed by the name or id of one that runs. */
export type PidMode = "private" | "host" | `container:${string}`;

/** `shareable` is `private`; `none` is that without a /dev/shm. */
export type IpcMode = "private" | "shareable" | "none" | "host" | `container:${string}`;

/** A device node of this machine, or a directory of them. */
export interface Device {
  /** Absolute; links are followed. The caller must be able to open it. */
  readonly source: string;
  /** Where it is in the container. Default: `source`. */
  readonly target?: string;
}

/** All of these may be left out. */
export interface ConfinementOptions {
  /** A first process that reaps what others leave, and passes signals on to the command. */
  readonly init?: boolean;
  /** As for setdomainname(2), 64 characters or less. */
  readonly domainname?: string;
  /**
   * Limits of the process and its descendants, of at most what this process has: raising takes
   * a privilege that no container gives. `nproc` counts all processes of a user on this machine.
   * Default: those of this process.
   */
  readonly ulimits?: Ulimits;
  /** From -1000 (never killed when memory runs out) to 1000. Default: that of this process. */
  readonly oomScoreAdj?: number;
  /** Kernel settings of the container's own namespaces: `net.*`, `kernel.msgmax`, `fs.mqueue.*`. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /** Default: `private`. With `host` it sees and may signal the caller's other processes. */
  readonly pid?: PidMode;
  /** Default: `private`. Message queues, semaphores and /dev/shm. */
  readonly ipc?: IpcMode;
  /** Default: `private`. The names of the machine. */
  readonly uts?: "private" | "host";
  /**
   * Which ids of this machine the container's are. `auto`, the default, `private` and `host`: root
   * is the caller, all others are its subordinate ids, the same for all its containers.
   * `keep-id`: the caller has its own id inside too, and is the user unless another is asked for;
   * `keep-id:uid=1000,gid=1000`: has these. The image's layers are unpacked once more for it.
   */
  readonly userns?: string;
  /** Default: `private`. Whether the container sees where in the control groups it is. */
  readonly cgroupns?: "private" | "host";
  /** Names, looked up in the container, or numbers; or `keep-groups` alone: the caller's own. */
  readonly groupAdd?: readonly string[];
  /** Of the command. Default: `0o022`. */
  readonly umask?: number;
  /** What ends the command in order: `SIGINT`, `9`, `RTMIN+3`. Default: the image's, `SIGTERM`. */
  readonly stopSignal?: string;
  /** How long it gets before it is killed; -1 for ever. Default: 10,000. */
  readonly stopTimeoutMs?: number;
  /** Of config.json, beside the labels. `run.oci.*` is not taken. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** What the caller may do with them itself: neither more nor less can be given. */
  readonly devices?: readonly Device[];
  /** With `readOnly`: /run, /tmp and /var/tmp are file systems in memory, unless mounted anyway. */
  readonly readOnlyTmpfs?: boolean;
  /** The size of /dev/shm. Default: 64 MiB. */
  readonly shmSizeBytes?: number;
}

/** The group that stands for all of the caller's own, and the annotation by which crun knows it. */
export const KEEP_GROUPS = "keep-groups";
export const KEPT_GROUPS = "run.oci.keep_original_groups";

export const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;

interface Together extends ConfinementOptions {
  readonly hostname?: string | undefined;
  readonly network?: string | undefined;
}

/** Throws `INVALID_ARGUMENT` for options that exclude each other. */
export function checkTogether(options: Together): void {
  const { hostname, domainname, uts, ipc = "private", shmSizeBytes, groupAdd = [] } = options;
  if (uts === "host" && (hostname ?? domainname) !== undefined) {
    throw conflict(
      '"hostname" and "domainname" need a machine name of the container\'s own',
      "uts",
    );
  }
  if (shmSizeBytes !== undefined && !["private", "shareable"].includes(ipc)) {
    throw conflict('"shmSizeBytes" needs a /dev/shm of the container\'s own', "ipc");
  }
  if (groupAdd.includes(KEEP_GROUPS) && groupAdd.length > 1) {
    throw conflict('"keep-groups" excludes other groups', "groupAdd");
  }
  const joined = [options.pid, ipc, options.network].find((mode) => mode?.startsWith("container:"));
  if (joined !== undefined && options.userns?.startsWith("keep-id") === true) {
    throw conflict(`${joined} brings its own user namespace`, "userns");
  }
  for (const name of Object.keys(options.sysctls ?? {})) checkSysctl(name, options);
}

function checkSysctl(name: string, { network = "private", ipc = "private", uts }: Together): void {
  const type = sysctlNamespace(name);
  const isShared =
    (type === "network" && (network === "host" || network.startsWith("container:"))) ||
    (type === "ipc" && (ipc === "host" || ipc.startsWith("container:"))) ||
    (type === "uts" && uts === "host");
  if (isShared) throw conflict(`sysctl ${name} needs a namespace of the container's own`, type);
}

function conflict(message: string, option: string | undefined): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", message, { details: { option } });
}
