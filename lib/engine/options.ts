/** What callers may ask of an engine, a start and a run, and what they get back. */
import type { Readable } from "node:stream";
import type { RegistriesOptions } from "../registry/configuration.ts";
import type { ExitStatus } from "../runtime/process.ts";
import type { NetworkLevel } from "../runtime/network.ts";
import type { HelperName } from "../runtime/network-helpers.ts";
import type { ContainerOptions, ImplicitPullOptions } from "./container-options.ts";

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
  /**
   * Which registries are asked, and how. Default: the file `$MARMITA_REGISTRIES`, else
   * `marmita/registries.json` under `$XDG_CONFIG_HOME`.
   */
  readonly registries?: RegistriesOptions;
}

/** The size of a container's terminal when its command starts; only with `tty`. */
export interface TerminalSizeOptions {
  /** Characters in a line. Default: 80. */
  readonly columns?: number;
  /** Lines. Default: 24. */
  readonly rows?: number;
}

/** Where a container's stdin comes from. `ignore` is /dev/null; with `tty`, nobody types. */
export type StdinOption = "pipe" | "inherit" | "ignore";

/** Where a container's output goes. `ignore` is /dev/null. */
export type OutputOption = "pipe" | "inherit" | "ignore";

/** With `tty` no stream can be `inherit`: all go through the terminal of the process. */
export interface StartOptions extends TerminalSizeOptions {
  /** Default: `ignore`. */
  readonly stdin?: StdinOption;
  /**
   * Default: `pipe`. A pipe nobody reads stops the container's process when it is full. With
   * `detach`: `ignore`.
   */
  readonly stdout?: OutputOption;
  /** Default: `pipe`. With `detach`: `ignore`. */
  readonly stderr?: OutputOption;
  /** Its process outlives this one: it belongs to its keeper. */
  readonly detach?: boolean;
  /** Kills the process. With `detach`, while it starts. */
  readonly signal?: AbortSignal;
}

/** Where the output of a `run` goes: into its result, or elsewhere. */
export type CaptureOption = "capture" | "inherit" | "ignore";

/** With `tty` no stream can be `inherit`, and all output is in `stdout`, lines ending in `\r\n`. */
export interface RunOptions extends ContainerOptions, ImplicitPullOptions, TerminalSizeOptions {
  /** Default: `ignore`. Not together with `input`. */
  readonly stdin?: "inherit" | "ignore";
  /**
   * What the command reads from stdin. A stream is destroyed when the command stops reading. With
   * `tty` it is typed, and then the end of input (^D) until the command ends.
   */
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

/** What runs in the background is its keeper's: its output is in its log. */
export interface DetachedRunOptions
  extends ContainerOptions, ImplicitPullOptions, TerminalSizeOptions {
  readonly detach: true;
  /** Ends what has not begun yet. */
  readonly signal?: AbortSignal;
}

/** Which isolation a container reached on this host. */
export interface Isolation {
  /** `subids` and `root` map a range of ids; `single` maps one: no chown, no other users. */
  readonly ids: "subids" | "root" | "single";
  readonly rootfs: "overlay" | "fuse-overlayfs";
  readonly network: NetworkLevel;
  /** What connects a `private` network: while it runs, and in the result of a run. */
  readonly networkHelper?: HelperName;
  /** Why `network` is `none` though that was not asked for, or the helper not the first choice. */
  readonly networkReason?: string;
  /** `default` is what Docker's default profile allows, `custom` a profile of the caller's. */
  readonly seccomp: "default" | "custom" | "unconfined";
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
