/** What callers may ask of containers that are made of bundles. */
import type { Duplex } from "node:stream";
import type { Process } from "../oci/runtime-spec.ts";
import type { StateRootOption } from "./state-root.ts";

/** A directory with a config.json; or what has such a one, as `openBundle()` returns it. */
export type BundleSource = string | { readonly directory: string };

/** `cgroupfs`: directories, made by us. `systemd`: a scope. `disabled`: whatever we are in. */
export type CgroupManager = "cgroupfs" | "systemd" | "disabled";

/** This process's own stream, none (/dev/null), or this descriptor, which stays the caller's. */
export type BundleStdio = "inherit" | "ignore" | number;

export interface SignalOption {
  /** Aborted, the call rejects with an `AbortError` once what it had begun is undone. */
  readonly signal?: AbortSignal | undefined;
}

export interface WarningOption {
  /** Told what was asked for and is not carried out, a sentence each. Default: nobody is told. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

export interface BundleStreams {
  /** Default: `inherit`; with a console socket they are not used. */
  readonly stdin?: BundleStdio | undefined;
  readonly stdout?: BundleStdio | undefined;
  readonly stderr?: BundleStdio | undefined;
}

export interface ProcessSettings {
  /** A socket that is listened on: it is sent the terminal's master (`process.terminal`). */
  readonly consoleSocket?: string | undefined;
  /** A file that has the process's number, whole, before the call resolves. */
  readonly pidFile?: string | undefined;
  /** `LISTEN_FDS`: how many descriptors from 3 on are sockets handed over (sd_listen_fds(3)). Default: 0. */
  readonly listenFds?: number | undefined;
  /** How many further descriptors from 3 on, or behind those, the process has as they are here. Default: 0. */
  readonly preserveFds?: number | undefined;
}

/** What a container is made with, whoever has its streams. */
export interface MakeBundleContainerOptions
  extends StateRootOption, ProcessSettings, SignalOption, WarningOption {
  /** Another configuration than the bundle's config.json: a path, relative to the bundle. */
  readonly config?: string | undefined;
  /** The root is moved, and entered by chroot(2): where pivot_root(2) cannot be, as in an initramfs. */
  readonly noPivot?: boolean | undefined;
  /** The session keyring of the caller is the container's, too. */
  readonly noNewKeyring?: boolean | undefined;
  /** Default: `cgroupfs`. */
  readonly cgroupManager?: CgroupManager | undefined;
  /** Limits that cannot be had are a failure, not a warning, as with annotation `io.marmita.require`. */
  readonly requireResources?: boolean | undefined;
  /** The socket of systemd's sd_notify(3) that the container may send `READY=1` to. */
  readonly notifySocket?: string | undefined;
}

export interface CreateBundleContainerOptions extends MakeBundleContainerOptions, BundleStreams {}

export type RunStdio = BundleStdio | "pipe";

export interface CapturedStreams {
  /** Default: `ignore`; a `pipe` is given `input`. */
  readonly stdin?: RunStdio | undefined;
  /** Default: `pipe`, and what came is in the result. */
  readonly stdout?: RunStdio | undefined;
  readonly stderr?: RunStdio | undefined;
  /** Written to the command's standard input, which is a pipe then. */
  readonly input?: string | Uint8Array | undefined;
  /** How much is kept of each of stdout and stderr, in bytes. Default: 10 MiB; the rest is read and dropped. */
  readonly maxOutputBytes?: number | undefined;
  /** Of its terminal when it begins, where this process has that. Default: `process.consoleSize`. */
  readonly terminalSize?: { readonly columns: number; readonly rows: number } | undefined;
}

export interface RunBundleOptions extends MakeBundleContainerOptions, CapturedStreams {
  /** It is not waited for, and not deleted: what `create` and `start` do, as one. */
  readonly detach?: boolean | undefined;
  /** It is not deleted when it has ended. */
  readonly keep?: boolean | undefined;
  /** Called once its command runs; what it is given sends signals to it, and sizes to its terminal. */
  readonly onStarted?: ((process: RunningBundleProcess) => void) | undefined;
}

/** A process that somebody waits for. */
export interface RunningBundleProcess {
  /** On this machine. */
  readonly pid: number;
  /**
   * Where it has a terminal and no console socket: what is written is typed, what is shown is read, by
   * whoever is first to do so; else it is in `stdout` of the result.
   */
  readonly terminal?: Duplex | undefined;
  kill(signal: NodeJS.Signals | number): void;
  /** Of its terminal; without one nothing happens. */
  resize(columns: number, rows: number): void;
}

export interface BundleExit {
  /** As a shell has it: 128 + n after signal n; 0 with `detach`. */
  readonly exitCode: number;
  /** `SIGKILL`, … when a signal ended the process, else `null`. */
  readonly signal: NodeJS.Signals | null;
  /** What it wrote, of those that were a `pipe`. */
  readonly stdout?: string;
  readonly stderr?: string;
  /** Either had more than `maxOutputBytes`. */
  readonly truncated: boolean;
}

export interface ExecBundleOptions
  extends StateRootOption, ProcessSettings, SignalOption, WarningOption, CapturedStreams {
  /** With a list of words: the process has a terminal. */
  readonly tty?: boolean | undefined;
  readonly cwd?: string | undefined;
  /** `KEY=VALUE`, beside those of the container's own process. */
  readonly env?: readonly string[] | undefined;
  /** `UID[:GID]`. */
  readonly user?: string | undefined;
  readonly additionalGids?: readonly number[] | undefined;
  /** Beside those of the container's own process: `CAP_SYS_PTRACE`. */
  readonly capabilities?: readonly string[] | undefined;
  readonly noNewPrivileges?: boolean | undefined;
  readonly apparmorProfile?: string | undefined;
  readonly selinuxLabel?: string | undefined;
  /** Resolve when it runs; what waits for it is whatever adopts orphans above us. */
  readonly detach?: boolean | undefined;
  /** Also into a container that is paused: it begins when that goes on. */
  readonly ignorePaused?: boolean | undefined;
  /** A control group below the container's: a path, or `controller:path` pairs. */
  readonly cgroup?: string | undefined;
  /** As for a container. */
  readonly onStarted?: ((process: RunningBundleProcess) => void) | undefined;
}

/** What is to run in a container: a command, the rest as its own process has it; or all of it. */
export type ExecProcessRequest = readonly string[] | Process;

export interface KillBundleOptions extends StateRootOption {
  /** All of its processes, not its first one alone. */
  readonly all?: boolean | undefined;
}

export interface DeleteBundleOptions extends StateRootOption, WarningOption {
  /** Whatever state it is in, and also where it is not there: it is killed, and made gone. */
  readonly force?: boolean | undefined;
}

export interface PauseBundleOptions extends StateRootOption, SignalOption {}

export interface StartBundleOptions extends StateRootOption, SignalOption, WarningOption {}
