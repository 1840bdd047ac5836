/** Configurations of bundles by chance, the same for the same seed: valid ones, and broken ones. */

export interface FuzzedConfig {
  /** What made it: with it `fuzzConfig()` makes the same. */
  readonly seed: number;
  readonly text: string;
}

/** mulberry32: numbers in [0, 1). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  number(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(end: number): number {
    return Math.floor(this.number() * end);
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError("nothing to pick from");
    return value;
  }

  happens(probability: number): boolean {
    return this.number() < probability;
  }
}

type Json = Record<string, unknown>;

const NAMESPACES = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"];

/** As `crun spec` has it, more or less. */
function base(chance: Chance): Json {
  const others = NAMESPACES.filter(() => chance.happens(0.6));
  const types = new Set(chance.happens(0.95) ? ["mount", "uts", "pid", ...others] : others);
  return {
    ociVersion: chance.pick(["1.0.0", "1.0.2-dev", "1.2.0"]),
    root: { path: "rootfs" },
    process: { user: { uid: 0, gid: 0 }, args: ["true"], env: ["PATH=/bin"], cwd: "/" },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", options: ["nosuid", "mode=755", "size=64k"] },
    ],
    linux: { namespaces: [...types].map((type) => ({ type })) },
  };
}

const CAPABILITIES = ["CAP_CHOWN", "CAP_KILL", "CAP_SYS_ADMIN", "CAP_NET_RAW", "CAP_BPF", "CAP_NO"];
const RUNTIMES = [{ path: "/bin/true" }, { path: "/bin/true", args: ["a", "b"], timeout: 5 }];
const HOOKS = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
];

const lines = (chance: Chance, values: readonly string[]) => {
  return values.filter(() => chance.happens(0.5));
};

/** Property → values that the specification allows. */
const PROPERTIES: Readonly<Record<string, (chance: Chance) => unknown>> = {
  hostname: (c) => c.pick(["a", "machine-1", "x".repeat(64), "x".repeat(65), "ü"]),
  domainname: (c) => c.pick(["a", "a.test", "x".repeat(65)]),
  annotations: (c) => ({ "io.test": c.pick(["", "1", "a\nb"]) }),
  "root.readonly": (c) => c.happens(0.5),
  "process.terminal": (c) => c.happens(0.1),
  "process.consoleSize": (c) => ({ height: c.below(100), width: c.below(1e6) }),
  "process.user": (c) => ({
    uid: c.pick([0, 0, 1, 1000, 65_534, 70_000, 0xffff_fffe]),
    gid: c.pick([0, 0, 1, 5, 100_000]),
    umask: c.pick([0, 0o22, 0o77, 0o777, 0xffff_ffff]),
    additionalGids: c.pick([[], [0], [1, 2], [5, 5], [4_000_000_000]]),
  }),
  "process.args": (c) =>
    c.pick([
      ["true"],
      ["sh", "-c", "exit 3"],
      ["/nosuch"],
      [""],
      ["cat", "/proc/self/status"],
      ["ls", "-la", "/", "/dev"],
      ["echo", "x".repeat(5000)],
      ["sh", "-c", "kill -9 $$"],
    ]),
  "process.env": (c) => lines(c, ["PATH=/bin:/usr/bin", "HOME=/tmp", "A", "=B", "", "A=\n"]),
  "process.cwd": (c) => c.pick(["/", "/tmp", "/new/dir", "/etc/../x", "/proc/self", "//"]),
  "process.capabilities": (c) => ({
    bounding: lines(c, CAPABILITIES),
    effective: lines(c, CAPABILITIES),
    permitted: lines(c, CAPABILITIES),
    inheritable: lines(c, CAPABILITIES),
    ambient: lines(c, CAPABILITIES),
  }),
  "process.rlimits": (c) => [
    { type: "RLIMIT_NOFILE", soft: c.pick([64, 1024]), hard: c.pick([64, 1024, 2 ** 40]) },
    { type: c.pick(["RLIMIT_CORE", "RLIMIT_STACK", "RLIMIT_NO"]), soft: 0, hard: 1e9 },
  ],
  "process.noNewPrivileges": (c) => c.happens(0.5),
  "process.apparmorProfile": (c) => c.pick(["", "", "nosuch"]),
  "process.selinuxLabel": (c) => c.pick(["", "a:b:c:d"]),
  "process.oomScoreAdj": (c) => c.pick([0, 100, 1000, -1000]),
  "process.scheduler": (c) => ({
    policy: c.pick(["SCHED_OTHER", "SCHED_BATCH", "SCHED_IDLE", "SCHED_ISO", "SCHED_RR"]),
    nice: c.pick([0, 5, 19, -5]),
    priority: c.pick([0, 0, 1]),
    flags: lines(c, ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_UTIL_CLAMP_MIN"]),
  }),
  "process.ioPriority": (c) => ({
    class: c.pick(["IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE", "IOPRIO_CLASS_RT"]),
    priority: c.below(8),
  }),
  "process.execCPUAffinity": () => ({ initial: "0", final: "0-1" }),
  mounts: (c) => Array.from({ length: c.below(5) }, () => mount(c)),
  hooks: (c) => Object.fromEntries(lines(c, HOOKS).map((name) => [name, [c.pick(RUNTIMES)]])),
  "linux.uidMappings": mappings,
  "linux.gidMappings": mappings,
  "linux.devices": (c) => [
    {
      type: c.pick(["c", "b", "u", "p"]),
      path: c.pick(["/dev/null", "/dev/a", "/a/b/c", "/dev/pts/x", "/dev"]),
      major: c.pick([1, 10, 4095]),
      minor: c.pick([3, 229, 1_048_575]),
      fileMode: c.pick([0, 0o666, 0o20666]),
      uid: c.pick([0, 1000]),
    },
  ],
  "linux.cgroupsPath": (c) => c.pick(["", "a/b", "/a", "user.slice:a:b"]),
  "linux.resources": (c) => ({
    devices: [{ allow: false, access: "rwm" }],
    memory: { limit: c.pick([-1, 1e8, 2 ** 53]) },
    pids: { limit: c.pick([-1, 0, 100]) },
    unified: { "memory.high": "max" },
  }),
  "linux.sysctl": (c) => ({
    [c.pick(["net.ipv4.ip_forward", "kernel.msgmax", "kernel.domainname", "vm.swappiness"])]: "1",
  }),
  "linux.seccomp": seccomp,
  "linux.rootfsPropagation": (c) => c.pick(["shared", "slave", "private", "unbindable", "rslave"]),
  "linux.maskedPaths": (c) => lines(c, ["/proc/kcore", "/proc", "/etc/passwd", "/nosuch", "/dev"]),
  "linux.readonlyPaths": (c) => lines(c, ["/proc/sys", "/etc", "/nosuch", "/dev/null", "/"]),
  "linux.mountLabel": (c) => c.pick(["", "a:b:c:d"]),
  "linux.intelRdt": () => ({ closID: "a" }),
  "linux.personality": (c) => ({ domain: c.pick(["LINUX", "LINUX32"]) }),
  "linux.timeOffsets": (c) => ({ monotonic: { secs: c.pick([0, 86_400, -1e9]), nanosecs: 1 } }),
};

function mappings(chance: Chance): unknown {
  return chance.pick([
    [],
    [{ containerID: 0, hostID: 0, size: 1 }],
    [{ containerID: 0, hostID: 100_000, size: 65_536 }],
    [{ containerID: 1000, hostID: 100_000, size: 10 }],
    [
      { containerID: 0, hostID: 100_000, size: 1000 },
      { containerID: 1000, hostID: 101_000, size: 1 },
    ],
  ]);
}

const OPTIONS = [
  ..."ro rw nosuid nodev noexec suid dev exec rro rnosuid noatime relatime strictatime".split(" "),
  ..."private rprivate slave rslave shared rshared unbindable runbindable nosymfollow".split(" "),
  ..."sync dirsync lazytime iversion silent loud remount idmap ridmap tmpcopyup defaults".split(
    " ",
  ),
  ..."mode=755 size=1m newinstance ptmxmode=0666 gid=5 bind rbind odd odd=1".split(" "),
];

function mount(chance: Chance): unknown {
  const type = chance.pick(["proc", "sysfs", "tmpfs", "devpts", "mqueue", "bind", "none", "odd"]);
  return {
    destination: chance.pick([
      "/proc",
      "/sys",
      "/a",
      "/a/b",
      "/dev/pts",
      "/tmp",
      "rel",
      "/",
      "/x/..",
    ]),
    type,
    source: chance.pick([type, "source", "source/file", "nosuch", "tmpfs"]),
    options: lines(chance, OPTIONS).filter(() => chance.happens(0.12)),
  };
}

function seccomp(chance: Chance): unknown {
  const actions = [
    "ALLOW",
    "ERRNO",
    "KILL",
    "KILL_PROCESS",
    "TRAP",
    "LOG",
    "TRACE",
    "NOTIFY",
    "NO",
  ];
  return {
    defaultAction: `SCMP_ACT_${chance.happens(0.8) ? "ALLOW" : chance.pick(actions)}`,
    architectures: ["SCMP_ARCH_X86_64"],
    flags: lines(chance, ["SECCOMP_FILTER_FLAG_LOG"]),
    syscalls: [
      {
        names: chance.pick([["chmod", "chown"], ["nosuch"], []]),
        action: `SCMP_ACT_${chance.pick(actions)}`,
        args: [{ index: chance.below(7), value: 2 ** chance.below(64), op: "SCMP_CMP_EQ" }],
      },
    ],
  };
}

const ODD: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1,
  1.5,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e300,
  "",
  "a",
  "a\0b",
  "\n",
  "..",
  "../../..",
  "x".repeat(300),
  "x/".repeat(3000),
  "\u{d800}",
  "__proto__",
  [],
  {},
  [[]],
  [null],
  [""],
  { a: { b: 1 } },
];

/** Every object and list in it with each of its keys. */
function places(at: unknown): readonly (readonly [object, string])[] {
  if (typeof at !== "object" || at === null) return [];
  return Object.entries(at).flatMap(([key, value]) => [[at, key] as const, ...places(value)]);
}

/** One property or item, wherever it is, becomes another, goes, or comes twice. */
function breakSomething(root: Json, chance: Chance): void {
  const [at, key] = chance.pick(places(root));
  const value: unknown = Reflect.get(at, key);
  if (Array.isArray(at) && chance.happens(0.2)) at.push(value);
  else if (chance.happens(0.2)) Reflect.deleteProperty(at, key);
  else Reflect.set(at, key, structuredClone(chance.pick(ODD)));
}

function set(root: Json, path: string, value: unknown): void {
  const names = path.split(".");
  const last = names.pop() ?? "";
  let at = root;
  for (const name of names) at = (at[name] ??= {}) as Json;
  at[last] = last === "mounts" ? [...(at[last] as unknown[]), ...(value as unknown[])] : value;
}

/** Six of ten are valid as far as their shapes go. */
export function fuzzConfig(seed: number): FuzzedConfig {
  const chance = new Chance(seed);
  const config = base(chance);
  const names = Object.keys(PROPERTIES);
  for (let count = chance.below(6); count > 0; count--) {
    const name = chance.pick(names);
    set(config, name, structuredClone(PROPERTIES[name]?.(chance))); // what is broken is its own
  }
  if (chance.happens(0.4)) {
    for (let count = 1 + chance.below(3); count > 0; count--) breakSomething(config, chance);
  }
  const text = JSON.stringify(config);
  if (!chance.happens(0.05)) return { seed, text };
  const at = chance.below(text.length);
  const odd = chance.pick(["", '"', "{", "]", ",", "1", "\\u0000", "99999999999999999999"]);
  return { seed, text: text.slice(0, at) + odd + text.slice(at + 1) };
}
