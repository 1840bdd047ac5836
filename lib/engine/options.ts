/** What callers may ask of an engine, a container and a run, and what they get back. */
import type { Readable } from "node:stream";
import type { ExitStatus } from "../runtime/process.ts";

/** How ids inside of containers are mapped to ids of this machine; `auto` takes the best there is. */
export type IdsOption = "auto" | "subids" | "single";

/** How an image's layers become one root file system; `auto` takes the first that works here. */
export type StorageDriverOption = "auto" | "overlay" | "fuse-overlayfs";

export interface EngineOptions {
  /** The data root. Default: `$MARMITA_ROOT`, else `marmita` under `$XDG_DATA_HOME`. */
  readonly root?: string;
  /** `subids` fails where the user has no subordinate ids; `auto` falls back to `single`. */
  readonly ids?: IdsOption;
  readonly storageDriver?: StorageDriverOption;
}

/** A directory or file of this machine, visible in the container. */
export interface BindMount {
  readonly type: "bind";
  /** Must exist. A relative path starts at the current directory of this process. */
  readonly source: string;
  /** An absolute path in the container; made when missing. */
  readonly target: string;
  readonly readOnly?: boolean;
}

/** An empty file system in memory, gone with the container's process. */
export interface TmpfsMount {
  readonly type: "tmpfs";
  /** An absolute path in the container; made when missing. */
  readonly target: string;
  /** Default: what the kernel allows, half of the memory. */
  readonly sizeBytes?: number;
  /** Permission bits of its root. Default: `0o1777`. */
  readonly mode?: number;
}

export type Mount = BindMount | TmpfsMount;

/** `none` has a loopback interface only; `host` shares this machine's network. */
export type NetworkMode = "none" | "host";

/** What a container is made with. Everything left out comes from the image. */
export interface ContainerOptions {
  /** Two or more of letters, digits, `_`, `.` and `-`. Default: one is made up. */
  readonly name?: string;
  /** Added to the image's environment; `undefined` as a value is left out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `user`, `user:group`, by name or number, looked up in the container. */
  readonly user?: string;
  /** An absolute path in the container; made when missing. */
  readonly workdir?: string;
  /** Replaces the image's; then the image's command is dropped too. `null` and `[]` clear it. */
  readonly entrypoint?: string | readonly string[] | null;
  /** Default: the first twelve digits of the id; with network `host`, this machine's. */
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly mounts?: readonly Mount[];
  /** The root file system cannot be written; mounts still can. */
  readonly readOnly?: boolean;
  /** The container and what it wrote are removed when its process ends. */
  readonly remove?: boolean;
  /** Default: `none`. */
  readonly network?: NetworkMode;
}

export interface CreateOptions extends ContainerOptions {
  /** A name, or the id of an image or a unique part of its start; or `host`. */
  readonly image: string;
  /** Default: the image's command. */
  readonly command?: readonly string[];
}

/** Where a container's stdin comes from. `ignore` is /dev/null. */
export type StdinOption = "pipe" | "inherit" | "ignore";

/** Where a container's output goes. `ignore` is /dev/null. */
export type OutputOption = "pipe" | "inherit" | "ignore";

export interface StartOptions {
  /** Default: `ignore`. */
  readonly stdin?: StdinOption;
  /** Default: `pipe`. A pipe nobody reads stops the container's process when it is full. */
  readonly stdout?: OutputOption;
  /** Default: `pipe`. */
  readonly stderr?: OutputOption;
  /** Kills the process. */
  readonly signal?: AbortSignal;
}

/** Where the output of a `run` goes: into its result, or elsewhere. */
export type CaptureOption = "capture" | "inherit" | "ignore";

export interface RunOptions extends ContainerOptions {
  /** Default: `ignore`. Not together with `input`. */
  readonly stdin?: "inherit" | "ignore";
  /** What the command reads from stdin. A stream is destroyed when the command stops reading. */
  readonly input?: string | Uint8Array | Readable;
  /** Default: `capture`. */
  readonly stdout?: CaptureOption;
  /** Default: `capture`. */
  readonly stderr?: CaptureOption;
  /** `buffer` leaves captured output as bytes. Default: `utf8`. */
  readonly encoding?: "utf8" | "buffer";
  /** Most bytes kept of each stream; what comes after is read and dropped. Default: 64 MiB. */
  readonly maxOutputBytes?: number;
  /** The command is killed when it has run for so long, and the result says `timedOut`. */
  readonly timeoutMs?: number;
  /** Kills the command; `run` rejects with `AbortError` when everything is gone. */
  readonly signal?: AbortSignal;
}

/** Which isolation a container reached on this host. */
export interface Isolation {
  /** `subids` and `root` map a range of ids; `single` maps one: no chown, no other users. */
  readonly ids: "subids" | "root" | "single";
  readonly rootfs: "overlay" | "fuse-overlayfs";
  readonly network: NetworkMode;
  /** Why it is not more, and what image `host` hides or only lets read; a sentence each. */
  readonly notes: readonly string[];
}

export interface RunResult<Output extends string | Buffer = string> extends ExitStatus {
  readonly id: string;
  /** Empty unless captured. */
  readonly stdout: Output;
  /** Empty unless captured. */
  readonly stderr: Output;
  readonly timedOut: boolean;
  /** Output was longer than `maxOutputBytes`. */
  readonly truncated: boolean;
  readonly isolation: Isolation;
}

export const DEFAULT_MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
