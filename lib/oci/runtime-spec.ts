/** The types of an OCI bundle's config.json, and nothing else (runtime-spec 1.2, Linux). */

/**
 * A whole number of 64 bits, signed or not: a bigint where a number cannot hold it exactly (beyond
 * 2^53 - 1), as `parseRuntimeSpec()` has it. `BigInt(value)` takes both.
 */
export type Whole64 = number | bigint;

export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly root: Root;
  readonly process: Process;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts?: readonly SpecMount[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly hooks?: Hooks;
  readonly linux: Linux;
}

export interface Root {
  /** Absolute, or relative to the bundle. */
  readonly path: string;
  readonly readonly?: boolean;
}

export interface Process {
  readonly terminal?: boolean;
  /** Without `terminal` it means nothing. */
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: User;
  readonly args: readonly string[];
  readonly env?: readonly string[];
  /** Absolute. */
  readonly cwd: string;
  readonly capabilities?: Capabilities;
  readonly rlimits?: readonly Rlimit[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  /** -1000 to 1000. */
  readonly oomScoreAdj?: number;
  readonly scheduler?: Scheduler;
  readonly ioPriority?: IoPriority;
  /** Of what is executed in the container later, not of its first process. */
  readonly execCPUAffinity?: CpuAffinity;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly umask?: number;
  readonly additionalGids?: readonly number[];
  /** On Linux not in the specification: `user:group` to be looked up inside. */
  readonly username?: string;
}

export interface Capabilities {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly permitted?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly ambient?: readonly string[];
}

export interface Rlimit {
  /** `RLIMIT_NOFILE`, … */
  readonly type: string;
  readonly soft: Whole64;
  readonly hard: Whole64;
}

/** sched_setattr(2); times are in nanoseconds. */
export interface Scheduler {
  readonly policy: SchedulerPolicy;
  /** -20 to 19. */
  readonly nice?: number;
  /** Of SCHED_FIFO and SCHED_RR. */
  readonly priority?: number;
  readonly flags?: readonly SchedulerFlag[];
  readonly runtime?: Whole64;
  readonly deadline?: Whole64;
  readonly period?: Whole64;
}

export type SchedulerPolicy =
  | "SCHED_OTHER"
  | "SCHED_FIFO"
  | "SCHED_RR"
  | "SCHED_BATCH"
  | "SCHED_ISO"
  | "SCHED_IDLE"
  | "SCHED_DEADLINE";

export type SchedulerFlag =
  | "SCHED_FLAG_RESET_ON_FORK"
  | "SCHED_FLAG_RECLAIM"
  | "SCHED_FLAG_DL_OVERRUN"
  | "SCHED_FLAG_KEEP_POLICY"
  | "SCHED_FLAG_KEEP_PARAMS"
  | "SCHED_FLAG_UTIL_CLAMP_MIN"
  | "SCHED_FLAG_UTIL_CLAMP_MAX";

/** ioprio_set(2). */
export interface IoPriority {
  readonly class: "IOPRIO_CLASS_RT" | "IOPRIO_CLASS_BE" | "IOPRIO_CLASS_IDLE";
  /** 0, the highest, to 7. */
  readonly priority: number;
}

/** Lists of CPUs: `0-3,7`. */
export interface CpuAffinity {
  readonly initial?: string;
  readonly final?: string;
}

export interface SpecMount {
  /** Absolute; a relative one is taken from `/`. */
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options?: readonly string[];
  /** Of the ids on disk, with `gidMappings`. */
  readonly uidMappings?: readonly IdMappingLine[];
  readonly gidMappings?: readonly IdMappingLine[];
}

export interface Hook {
  /** Absolute. */
  readonly path: string;
  /** With the name of the program. */
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  /** In seconds, more than 0. */
  readonly timeout?: number;
}

export interface Hooks {
  readonly prestart?: readonly Hook[];
  readonly createRuntime?: readonly Hook[];
  readonly createContainer?: readonly Hook[];
  readonly startContainer?: readonly Hook[];
  readonly poststart?: readonly Hook[];
  readonly poststop?: readonly Hook[];
}

export interface Linux {
  readonly uidMappings?: readonly IdMappingLine[];
  readonly gidMappings?: readonly IdMappingLine[];
  /** What is not among them is shared with whoever runs the container. */
  readonly namespaces: readonly Namespace[];
  readonly devices?: readonly Device[];
  readonly cgroupsPath?: string;
  readonly resources?: Resources;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly seccomp?: Seccomp;
  readonly rootfsPropagation?: RootfsPropagation;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly mountLabel?: string;
  readonly intelRdt?: IntelRdt;
  readonly personality?: Personality;
  /** By clock: `monotonic`, `boottime`. */
  readonly timeOffsets?: Readonly<Record<string, TimeOffset>>;
}

/** The recursive ones are runc's and crun's, the specification has four. */
export type RootfsPropagation =
  | "shared"
  | "slave"
  | "private"
  | "unbindable"
  | "rshared"
  | "rslave"
  | "rprivate"
  | "runbindable";

export interface IdMappingLine {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export type NamespaceType =
  | "pid"
  | "network"
  | "mount"
  | "ipc"
  | "uts"
  | "user"
  | "cgroup"
  | "time";

export interface Namespace {
  readonly type: NamespaceType;
  /** Absolute; without, a new one is made. */
  readonly path?: string;
}

export interface TimeOffset {
  readonly secs?: Whole64;
  readonly nanosecs?: number;
}

export interface Device {
  readonly type: "c" | "b" | "u" | "p";
  readonly path: string;
  /** There unless it is a `p`. */
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** Of the container's control group. */
export interface Resources {
  readonly devices?: readonly DeviceRule[];
  readonly memory?: Memory;
  readonly cpu?: Cpu;
  readonly pids?: Pids;
  readonly blockIO?: BlockIo;
  readonly hugepageLimits?: readonly HugepageLimit[];
  readonly network?: NetworkResources;
  /** By device. */
  readonly rdma?: Readonly<Record<string, Rdma>>;
  /** File of cgroup v2 → what is written to it. */
  readonly unified?: Readonly<Record<string, string>>;
}

export interface DeviceRule {
  readonly allow: boolean;
  /** Absent: all. */
  readonly type?: "a" | "c" | "b";
  readonly major?: number;
  readonly minor?: number;
  /** Of `r`, `w`, `m`. */
  readonly access?: string;
}

/** Sizes are in bytes, -1 is no limit. */
export interface Memory {
  readonly limit?: Whole64;
  readonly reservation?: Whole64;
  /** Together with what is in memory. */
  readonly swap?: Whole64;
  readonly kernel?: Whole64;
  readonly kernelTCP?: Whole64;
  readonly swappiness?: Whole64;
  readonly disableOOMKiller?: boolean;
  readonly useHierarchy?: boolean;
  readonly checkBeforeUpdate?: boolean;
}

/** Times are in microseconds. */
export interface Cpu {
  readonly shares?: Whole64;
  readonly quota?: Whole64;
  readonly burst?: Whole64;
  readonly period?: Whole64;
  readonly realtimeRuntime?: Whole64;
  readonly realtimePeriod?: Whole64;
  readonly cpus?: string;
  readonly mems?: string;
  readonly idle?: Whole64;
}

export interface Pids {
  /** -1 is no limit. */
  readonly limit?: Whole64;
}

export interface BlockIo {
  readonly weight?: number;
  readonly leafWeight?: number;
  readonly weightDevice?: readonly WeightDevice[];
  readonly throttleReadBpsDevice?: readonly ThrottleDevice[];
  readonly throttleWriteBpsDevice?: readonly ThrottleDevice[];
  readonly throttleReadIOPSDevice?: readonly ThrottleDevice[];
  readonly throttleWriteIOPSDevice?: readonly ThrottleDevice[];
}

export interface WeightDevice {
  readonly major: number;
  readonly minor: number;
  readonly weight?: number;
  readonly leafWeight?: number;
}

export interface ThrottleDevice {
  readonly major: number;
  readonly minor: number;
  readonly rate: Whole64;
}

export interface HugepageLimit {
  /** `2MB` */
  readonly pageSize: string;
  /** In bytes. */
  readonly limit: Whole64;
}

/** Of cgroup v1 only. */
export interface NetworkResources {
  readonly classID?: number;
  readonly priorities?: readonly { readonly name: string; readonly priority: number }[];
}

export interface Rdma {
  readonly hcaHandles?: number;
  readonly hcaObjects?: number;
}

export interface IntelRdt {
  readonly closID?: string;
  readonly l3CacheSchema?: string;
  readonly memBwSchema?: string;
  readonly enableCMT?: boolean;
  readonly enableMBM?: boolean;
}

export interface Personality {
  readonly domain: "LINUX" | "LINUX32";
  /** None are defined. */
  readonly flags?: readonly string[];
}

export interface Seccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  /** Of a socket: whoever listens there answers what `SCMP_ACT_NOTIFY` asks. */
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArgument[];
}

export interface SeccompArgument {
  readonly index: number;
  readonly value: Whole64;
  readonly valueTwo?: Whole64;
  readonly op: string;
}
