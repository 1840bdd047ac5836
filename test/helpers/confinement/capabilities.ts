/** Rows of the capabilities: Docker's fourteen are there, the others are not. */
import type { CapabilityName } from "../../../lib/runtime/capabilities.ts";
import {
  type Loosening,
  type Row,
  type Section,
  UNCONFINED,
  addCapability,
  answers,
  both,
  dropCapability,
  withoutOperation,
} from "./row.ts";

type Trial = Omit<Row, "name" | "keepsOut" | "by" | "without">;
/** What it lets a process do, and how that is tried. */
type Trials = Readonly<Partial<Record<CapabilityName, readonly [may: string, Trial]>>>;

const MACHINE = "the kernel asks for it in the machine's own user namespace: no container's counts";
const SILENT = "what it allows cannot be tried without harm: the set itself is looked at";

/** Where any user may bind ports below 1024, by a sysctl of the container's network. */
const LOW_PORTS: Loosening = {
  words: "`net.ipv4.ip_unprivileged_port_start` as the kernel has it",
  plan: withoutOperation("file", ([, path]) => String(path).includes("unprivileged_port_start")),
};

const needs = { users: true } as const;
const denied = { answer: "EPERM", otherwise: "ok" } as const;
const given = { answer: "ok", otherwise: "EPERM" } as const;
/** Some kernels are built without what it is for. */
const beyond = { answer: ["EPERM", "ENOSYS"], why: MACHINE } as const;

function looked(number: string): Trial {
  return { tries: ["bounded", number], answer: "not there", otherwise: "there", why: SILENT };
}

/** An address that is none: what is allowed fails after the check. */
const NONE = "-1";
const REBOOT_CAD_OFF = ["0xfee1dead", "672274793", "0"];
const CLOCK_REALTIME_ALARM = "8";
const SYSLOG_READ_CLEAR = "4";
const BPF_BTF_LOAD = "18";
const AUDIT_SET = "1001";
const AUDIT_USER = "1005";
const INET_RAW_ICMP = ["2", "3", "1"];
const PR_CAPBSET_DROP = "24";
const NULL_DEVICE = ["0x2180", "0x103"];

const audited = { answer: ["ECONNREFUSED", "EPERM", "EPROTONOSUPPORT"], why: MACHINE } as const;

const DROPPED: Trials = {
  CAP_AUDIT_CONTROL: [
    "change the rules of the machine's audit log",
    { tries: ["audit", AUDIT_SET], ...audited },
  ],
  CAP_AUDIT_READ: ["read the machine's audit log", { tries: ["audit-listen"], ...audited }],
  CAP_BLOCK_SUSPEND: ["keep the machine awake", looked("36")],
  CAP_BPF: [
    "load programs into the kernel",
    { tries: ["syscall", "bpf", BPF_BTF_LOAD, "", "1"], ...beyond },
  ],
  CAP_CHECKPOINT_RESTORE: [
    "choose the numbers of processes",
    { tries: ["choose-pid", "4242"], ...denied },
  ],
  CAP_DAC_READ_SEARCH: [
    "read the files of others",
    {
      tries: ["of-other", "read"],
      byDefault: "ok",
      beside: dropCapability("CAP_DAC_OVERRIDE"),
      answer: "EACCES",
      otherwise: "ok",
      needs,
    },
  ],
  CAP_IPC_LOCK: [
    "lock more memory than its limit",
    {
      tries: ["lock-segment"],
      answer: "EPERM",
      otherwise: "ENOMEM",
      why: "the limit, by the next check",
    },
  ],
  CAP_IPC_OWNER: [
    "use shared memory of other users",
    { tries: ["of-other", "segment"], answer: "EACCES", otherwise: "ok", needs },
  ],
  CAP_LEASE: [
    "hold up others who open a file",
    { tries: ["of-other", "lease"], answer: "EACCES", why: MACHINE, needs },
  ],
  CAP_LINUX_IMMUTABLE: [
    "make files that nobody can change",
    {
      tries: ["immutable", "/tmp/file"],
      answer: ["EPERM", "ENOTTY", "EOPNOTSUPP"],
      why: MACHINE,
    },
  ],
  CAP_MAC_ADMIN: ["change the rules of a security module", looked("33")],
  CAP_MAC_OVERRIDE: ["pass by the rules of a security module", looked("32")],
  CAP_NET_ADMIN: ["change network interfaces", { tries: ["lower-loopback"], ...denied }],
  CAP_NET_BROADCAST: ["nothing: the kernel asks for it nowhere", looked("11")],
  CAP_PERFMON: ["watch the kernel and other processes", looked("38")],
  CAP_SYS_ADMIN: [
    "change the host name, mount, and much else",
    { tries: ["syscall", "sethostname", "probe", "5"], ...denied },
  ],
  CAP_SYS_BOOT: [
    "end all processes at once",
    {
      tries: ["syscall", "reboot", ...REBOOT_CAD_OFF],
      answer: "EPERM",
      otherwise: "EINVAL",
      why: "a pid namespace knows no such order",
    },
  ],
  CAP_SYS_MODULE: [
    "load modules into the kernel",
    { tries: ["syscall", "init_module", NONE, "0", NONE], ...beyond },
  ],
  CAP_SYS_NICE: [
    "change the priority of processes of other users",
    { tries: ["to-other", "nice"], ...denied, needs },
  ],
  CAP_SYS_PACCT: [
    "have all processes of the machine accounted",
    { tries: ["syscall", "acct", NONE], ...beyond },
  ],
  CAP_SYS_PTRACE: [
    "trace processes of other users",
    { tries: ["to-other", "ptrace"], ...denied, needs },
  ],
  CAP_SYS_RAWIO: ["use the machine's ports", { tries: ["syscall", "iopl", "3"], ...beyond }],
  CAP_SYS_RESOURCE: [
    "see and set limits of other users' processes",
    { tries: ["to-other", "limits"], ...denied, needs },
  ],
  CAP_SYS_TIME: ["set the machine's clock", { tries: ["set-clock"], ...beyond }],
  CAP_SYS_TTY_CONFIG: ["hang up terminals", { tries: ["syscall", "vhangup"], ...beyond }],
  CAP_SYSLOG: [
    "read and clear the kernel's messages",
    { tries: ["syscall", "syslog", SYSLOG_READ_CLEAR, NONE, "0"], ...beyond },
  ],
  CAP_WAKE_ALARM: [
    "wake the machine",
    { tries: ["syscall", "timerfd_create", CLOCK_REALTIME_ALARM, "0"], ...beyond },
  ],
};

const KEPT: Trials = {
  CAP_CHOWN: [
    "give files away",
    { tries: ["syscall", "chown", "/tmp", "1000", "1000"], ...given, needs },
  ],
  CAP_DAC_OVERRIDE: [
    "read and write files of others",
    { tries: ["of-other", "write"], answer: "ok", otherwise: "EACCES", needs },
  ],
  CAP_FSETID: [
    "make files of other groups set-gid",
    { tries: ["set-gid", "/tmp/file"], answer: "kept", otherwise: "cleared", needs },
  ],
  CAP_FOWNER: ["change files of others", { tries: ["of-other", "mode"], ...given, needs }],
  CAP_MKNOD: [
    "nothing more than without",
    {
      tries: ["syscall", "mknod", "/tmp/null", ...NULL_DEVICE],
      answer: "EPERM",
      why: `device nodes: ${MACHINE}`,
    },
  ],
  CAP_NET_RAW: [
    "use raw sockets of its network",
    { tries: ["syscall", "socket", ...INET_RAW_ICMP], ...given },
  ],
  CAP_SETGID: ["become other groups", { tries: ["syscall", "setgid", "1000"], ...given, needs }],
  CAP_SETUID: ["become other users", { tries: ["syscall", "setuid", "1000"], ...given, needs }],
  CAP_SETFCAP: [
    "give files capabilities that count in the container",
    { tries: ["give-capability", "/tmp/file"], ...given },
  ],
  CAP_SETPCAP: [
    "give up capabilities for good",
    { tries: ["syscall", "prctl", PR_CAPBSET_DROP, "0"], ...given },
  ],
  CAP_NET_BIND_SERVICE: [
    "listen on ports below 1024",
    { tries: ["bind-port", "80"], beside: LOW_PORTS, answer: "ok", otherwise: "EACCES" },
  ],
  CAP_SYS_CHROOT: ["change its root directory", { tries: ["syscall", "chroot", "/"], ...given }],
  CAP_KILL: [
    "signal processes of other users of the container",
    { tries: ["to-other", "signal"], ...given, needs },
  ],
  CAP_AUDIT_WRITE: ["nothing more than without", { tries: ["audit", AUDIT_USER], ...audited }],
};

function rows(trials: Trials, row: (name: CapabilityName, may: string) => Omit<Row, keyof Trial>) {
  return Object.entries(trials).map(([name, [may, trial]]): Row => {
    return { ...row(name as CapabilityName, may), ...trial };
  });
}

/** The filter denies some of it too, until the capability is asked for by its option. */
function unconfined(row: Row): Row {
  return {
    ...row,
    beside: row.beside === undefined ? UNCONFINED : both(UNCONFINED, row.beside),
    byDefault: row.byDefault ?? ["EPERM", "ENOSYS", ...answers(row.answer)],
  };
}

export const DROPPED_CAPABILITIES: Section = {
  title: "capabilities that are dropped",
  file: "confinement-capabilities.test.ts",
  rows: rows(DROPPED, (name, may) => ({
    name: `${name} is dropped`,
    keepsOut: may,
    by: "no capability set has it",
    without: addCapability(name),
  })).map(unconfined),
};

export const KEPT_CAPABILITIES: Section = {
  title: "capabilities that are kept",
  file: "confinement-capabilities.test.ts",
  rows: rows(KEPT, (name, may) => ({
    name: `${name} is kept`,
    keepsOut: `nothing; it allows: ${may}`,
    by: "in the bounding, permitted and effective sets, over the container's user namespace only",
    without: dropCapability(name),
  })),
};
