/** The mounts that callers may ask for. */
import type { Digest } from "../oci/digest.ts";
import type { Propagation } from "../runtime/mount-options.ts";

/** What a mount keeps its files from being, also where what is mounted forbids nothing. */
export interface MountRestrictions {
  readonly noexec?: boolean;
  readonly nosuid?: boolean;
  readonly nodev?: boolean;
}

/** A directory or file of this machine, visible in the container. */
export interface BindMount extends MountRestrictions {
  readonly type: "bind";
  /** Must exist, or see `createSource`. A relative path starts at this process's directory. */
  readonly source: string;
  /** An absolute path in the container; made when missing. */
  readonly target: string;
  readonly readOnly?: boolean;
  /** Whether what is mounted below the source is read-only as well. Default: true. */
  readonly readOnlyRecursive?: boolean;
  /**
   * With what is mounted below the source. Default: true. The kernel refuses false where something
   * is mounted there: a user namespace may not uncover what a mount covers.
   */
  readonly recursive?: boolean;
  /**
   * Whether what the host mounts below the source later appears in the container: with `slave` and
   * `shared`, where the host's mount is shared. Nothing that a container mounts reaches the host.
   * Default: `rprivate`.
   */
  readonly propagation?: Propagation;
  /** Make a directory where nothing is, as Docker's `-v` does. */
  readonly createSource?: boolean;
  /**
   * The ids on disk are those of the container. The kernel takes it only for file systems that were
   * mounted in the container's own user namespace; else the start fails.
   */
  readonly idmap?: boolean;
  /**
   * Docker's `z` and `Z`. Nothing is relabelled: containers run under the caller's own SELinux
   * label. `Isolation.notes` says so where SELinux is in use.
   */
  readonly relabel?: "shared" | "private";
}

/** An empty file system in memory, gone with the container's process. */
export interface TmpfsMount {
  readonly type: "tmpfs";
  /** An absolute path in the container; made when missing. */
  readonly target: string;
  readonly readOnly?: boolean;
  /** Default: what the kernel allows, half of the memory. */
  readonly sizeBytes?: number;
  /** Permission bits of its root. Default: `0o1777`. */
  readonly mode?: number;
  /**
   * Options of the mount as Docker's `--tmpfs` takes them after the colon: `exec`, `suid`, `dev`,
   * `uid=1000`, `gid=1000`, `nr_inodes=4k`, `size=50%`, `noatime`. It is `noexec`, `nosuid` and
   * `nodev` without.
   */
  readonly options?: readonly string[];
}

/**
 * A directory of the data root that outlives containers. Named, it is made on first use and stays;
 * without a name it is the container's own, and goes with it when that is removed at its end.
 */
export interface VolumeMount extends MountRestrictions {
  readonly type: "volume";
  /** Two or more of letters, digits, `_`, `.` and `-`. Default: 64 hexadecimal digits, made up. */
  readonly source?: string;
  /** An absolute path in the container; made when missing. */
  readonly target: string;
  readonly readOnly?: boolean;
  /** Whether an empty volume first gets what the image has at the target. Default: true. */
  readonly copy?: boolean;
  /** A file or directory in the volume, which must exist. No link may lead out of the volume. */
  readonly subpath?: string;
  /** Of a volume that is made by this. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** The files of an image; it stays in the store as long as the container does. */
export interface ImageMount extends MountRestrictions {
  readonly type: "image";
  /** A name, or the id of an image or a unique part of its start. */
  readonly source: string;
  /** An absolute path in the container; made when missing. */
  readonly target: string;
  /** Default: true. What is written otherwise goes with the container. */
  readonly readOnly?: boolean;
  /** A file or directory in the image, which must exist. No link may lead out of the image. */
  readonly subpath?: string;
}

export type Mount = BindMount | TmpfsMount | VolumeMount | ImageMount;

/** A volume's name is known once a container has it. */
export interface RecordedVolume extends VolumeMount {
  readonly source: string;
  /** It goes with the container that is removed at its end, unless another one has it too. */
  readonly anonymous?: boolean;
}

/** An image that is mounted is in use. */
export interface RecordedImageMount extends ImageMount {
  readonly id: Digest;
}

/** A mount as a container's record has it: sources are absolute, names are given. */
export type RecordedMount = BindMount | TmpfsMount | RecordedVolume | RecordedImageMount;
