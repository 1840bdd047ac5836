/** What each property of a config.json may be: config.md and config-linux.md of the specification. */
import { resources } from "./resource-shapes.ts";
import type {
  Capabilities,
  Device,
  Hook,
  Hooks,
  IdMappingLine,
  Linux,
  Namespace,
  Process,
  RuntimeSpec,
  Seccomp,
  SpecMount,
} from "./runtime-spec.ts";
import {
  absolutePath,
  checked,
  flag,
  int64,
  later,
  list,
  map,
  object,
  optional,
  optionalText,
  required,
  type Shape,
  someText,
  text,
  uint32,
  uint64,
  whole,
  word,
} from "./shapes.ts";

/** The last number stands for none (setresuid(2)). */
const id = whole(0, 0xffff_fffe);
const texts = list(text);
/** __NEW_UTS_LEN of linux/utsname.h. */
const name = checked(text, (one) => Buffer.byteLength(one) <= 64, "have at most 64 bytes");

const capabilities: Shape<Capabilities> = object({
  bounding: optional(texts),
  effective: optional(texts),
  permitted: optional(texts),
  inheritable: optional(texts),
  ambient: optional(texts),
});

const scheduler: Shape<NonNullable<Process["scheduler"]>> = object({
  policy: required(
    word([
      "SCHED_OTHER",
      "SCHED_FIFO",
      "SCHED_RR",
      "SCHED_BATCH",
      "SCHED_ISO",
      "SCHED_IDLE",
      "SCHED_DEADLINE",
    ]),
  ),
  nice: optional(whole(-20, 19)),
  priority: optional(whole(0, 99)),
  flags: optional(
    list(
      word([
        "SCHED_FLAG_RESET_ON_FORK",
        "SCHED_FLAG_RECLAIM",
        "SCHED_FLAG_DL_OVERRUN",
        "SCHED_FLAG_KEEP_POLICY",
        "SCHED_FLAG_KEEP_PARAMS",
        "SCHED_FLAG_UTIL_CLAMP_MIN",
        "SCHED_FLAG_UTIL_CLAMP_MAX",
      ]),
    ),
  ),
  runtime: optional(uint64),
  deadline: optional(uint64),
  period: optional(uint64),
});

/** Of an absent user, as of an absent id: config-schema.json requires neither. */
const ROOT = { uid: 0, gid: 0 };

const user: Shape<Process["user"]> = object({
  uid: { ...required(id), fallback: ROOT.uid },
  gid: { ...required(id), fallback: ROOT.gid },
  umask: optional(uint32),
  additionalGids: optional(list(id)),
  username: optionalText(text),
});

/** runc starts nothing with another. */
const variable = checked(text, (one) => one.includes("="), "be KEY=VALUE");

/** For `exec` too, whose `--process` is one. */
export const processShape: Shape<Process> = object({
  terminal: optional(flag),
  consoleSize: optional(object({ height: required(uint32), width: required(uint32) })),
  user: { ...required(user), fallback: ROOT },
  args: required(checked(texts, ({ length }) => length > 0, "name a program")),
  env: optional(list(variable)),
  cwd: required(absolutePath),
  capabilities: optional(capabilities),
  rlimits: optional(
    list(object({ type: required(someText), soft: required(uint64), hard: required(uint64) })),
  ),
  noNewPrivileges: optional(flag),
  apparmorProfile: optionalText(text),
  selinuxLabel: optionalText(text),
  oomScoreAdj: optional(whole(-1000, 1000)),
  scheduler: optional(scheduler),
  ioPriority: optional(
    object({
      class: required(word(["IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"])),
      priority: required(whole(0, 7)),
    }),
  ),
  execCPUAffinity: optional(object({ initial: optionalText(text), final: optionalText(text) })),
});

const idMappings: Shape<readonly IdMappingLine[]> = list(
  checked(
    object({ containerID: required(id), hostID: required(id), size: required(uint32) }),
    ({ containerID, hostID, size }) => {
      return size > 0 && Math.max(containerID, hostID) + size <= 0xffff_ffff;
    },
    "be a range of ids",
  ),
);

const mount: Shape<SpecMount> = checked(
  object({
    destination: required(someText),
    type: optionalText(text),
    source: optionalText(text),
    options: optional(texts),
    uidMappings: optional(idMappings),
    gidMappings: optional(idMappings),
  }),
  ({ uidMappings = [], gidMappings = [] }) => {
    return uidMappings.length > 0 === gidMappings.length > 0;
  },
  "have both of uidMappings and gidMappings",
);

const hook: Shape<Hook> = object({
  path: required(absolutePath),
  args: optional(texts),
  env: optional(texts),
  timeout: optional(whole(1, 0x7fff_ffff)),
});

const hooks: Shape<Hooks> = object({
  prestart: optional(list(hook)),
  createRuntime: optional(list(hook)),
  createContainer: optional(list(hook)),
  startContainer: optional(list(hook)),
  poststart: optional(list(hook)),
  poststop: optional(list(hook)),
});

/** A configuration of which nothing else is asked. */
export const hooksShape: Shape<Pick<RuntimeSpec, "hooks">> = object({ hooks: optional(hooks) });

const namespace: Shape<Namespace> = object({
  type: required(word(["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"])),
  path: optionalText(absolutePath),
});

const namespaces: Shape<readonly Namespace[]> = checked(
  list(namespace),
  (all) => new Set(all.map(({ type }) => type)).size === all.length,
  "have no type twice",
);

const device: Shape<Device> = checked(
  object({
    type: required(word(["c", "b", "u", "p"])),
    path: required(absolutePath),
    // What the kernel packs into a device number (linux/kdev_t.h): 12 and 20 bits.
    major: optional(whole(0, 0xfff)),
    minor: optional(whole(0, 0xf_ffff)),
    fileMode: optional(uint32),
    uid: optional(id),
    gid: optional(id),
  }),
  ({ type, major, minor }) => type === "p" || (major !== undefined && minor !== undefined),
  "have a major and a minor number",
);

const seccomp: Shape<Seccomp> = object({
  defaultAction: required(someText),
  defaultErrnoRet: optional(uint32),
  architectures: optional(texts),
  flags: optional(texts),
  listenerPath: optionalText(text),
  listenerMetadata: optionalText(text),
  syscalls: optional(
    list(
      object({
        names: required(texts),
        action: required(someText),
        errnoRet: optional(uint32),
        args: optional(
          list(
            object({
              index: required(uint32),
              value: required(uint64),
              valueTwo: optional(uint64),
              op: required(someText),
            }),
          ),
        ),
      }),
    ),
  ),
});

const linux: Shape<Linux> = object({
  uidMappings: optional(idMappings),
  gidMappings: optional(idMappings),
  namespaces: { ...required(namespaces), fallback: [] },
  devices: optional(list(device)),
  cgroupsPath: optionalText(text),
  resources: optional(resources),
  sysctl: optional(map(text)),
  seccomp: optional(seccomp),
  rootfsPropagation: optionalText(
    word([
      "shared",
      "slave",
      "private",
      "unbindable",
      "rshared",
      "rslave",
      "rprivate",
      "runbindable",
    ]),
  ),
  maskedPaths: optional(list(absolutePath)),
  readonlyPaths: optional(list(absolutePath)),
  mountLabel: optionalText(text),
  intelRdt: optional(
    object({
      closID: optionalText(text),
      l3CacheSchema: optionalText(text),
      memBwSchema: optionalText(text),
      enableCMT: optional(flag),
      enableMBM: optional(flag),
    }),
  ),
  personality: optional(
    object({ domain: required(word(["LINUX", "LINUX32"])), flags: optional(texts) }),
  ),
  netDevices: optional(later("1.3")),
  memoryPolicy: optional(later("1.3")),
  timeOffsets: optional(
    map(object({ secs: optional(int64), nanosecs: optional(whole(0, 999_999_999)) })),
  ),
});

/** The whole of it. */
export const runtimeSpec: Shape<RuntimeSpec> = object({
  ociVersion: required(someText),
  root: required(object({ path: required(someText), readonly: optional(flag) })),
  process: required(processShape),
  hostname: optionalText(name),
  domainname: optionalText(name),
  mounts: optional(list(mount)),
  annotations: optional(map(text)),
  hooks: optional(hooks),
  linux: { ...required(linux), fallback: { namespaces: [] } },
});
