/** Rows of the mounts a container starts with, and of its device nodes. */
import { BIND } from "../../../lib/native/plan.ts";
import { ATTRIBUTE } from "../../../lib/runtime/mount-options.ts";
import {
  type Loosening,
  type Row,
  type Section,
  UNCONFINED,
  addCapability,
  both,
  changeMount,
  withOperation,
} from "./row.ts";

const PLAIN: Loosening["words"] = "mounted without flags";
const SCRATCH: Loosening = {
  words: "`mounts`: a tmpfs",
  options: { mounts: [{ type: "tmpfs", target: "/scratch" }] },
};

const needs = { users: true } as const;

function plain(target: string): Loosening {
  return { words: PLAIN, plan: changeMount(target, { attributes: 0 }) };
}

function unsized(target: string): Loosening {
  return { words: "mounted without a size", plan: changeMount(target, { without: /^size=/ }) };
}

/** Where nothing can be tried that a flag forbids: the flag itself is looked at. */
function flags(target: string, words: string): Omit<Row, "keepsOut"> {
  return {
    name: `${target} is mounted ${words.replaceAll(",", ", ")}`,
    by: "flags of the mount",
    tries: ["flags", target],
    answer: words,
    without: plain(target),
    // Kernel file systems have some of them anyhow.
    otherwise: ["none", "nodev", "nosuid", "nosuid,nodev", "nosuid,nodev,noexec"],
  };
}

function writableDevice(name: string): Loosening {
  return {
    words: "bound as it is",
    plan: withOperation("bind", (one) => {
      return one[2] === `/dev/${name}` ? [one[0], one[1], one[2], BIND.OPTIONAL] : one;
    }),
  };
}

function bound(path: string): Loosening {
  return {
    words: `\`mounts\`: ${path}`,
    options: { mounts: [{ type: "bind", source: path, target: path }] },
  };
}

const SIZED = "`size=65536k`: half of the machine's memory is the kernel's own default";

export const MOUNTS: Section = {
  title: "mounts",
  file: "confinement-mounts.test.ts",
  rows: [
    {
      ...flags("/proc", "nosuid,nodev,noexec"),
      keepsOut: "nothing of itself: there are no programs",
    },
    { ...flags("/sys", "ro,nosuid,nodev,noexec"), keepsOut: "nothing of itself but by `ro`" },
    {
      name: "/sys is read-only",
      keepsOut: "settings of the machine's devices and of the kernel",
      by: "flags of the mount",
      tries: ["touch", "/sys"],
      answer: "EROFS",
      without: plain("/sys"),
      otherwise: ["EACCES", "EPERM", "ok"],
    },
    {
      name: "/sys/fs/cgroup is read-only",
      keepsOut: "groups of its own, other limits",
      by: "flags of the mount; empty where the machine has cgroup v1",
      tries: ["syscall", "mkdir", "/sys/fs/cgroup/probe", "0755"],
      answer: "EROFS",
      without: plain("/sys/fs/cgroup"),
      otherwise: ["EACCES", "EPERM", "ok"],
      needs: { path: "/sys/fs/cgroup/cgroup.controllers" },
    },
    {
      name: "/dev is mounted nosuid",
      keepsOut: "set-uid programs put there by root of the container",
      by: "flags of the mount",
      tries: ["set-uid-in", "/dev"],
      answer: "user 1000",
      without: plain("/dev"),
      otherwise: "user 0",
      needs,
    },
    {
      name: "/dev has a size",
      keepsOut: "filling the machine's memory through it",
      by: SIZED,
      tries: ["fill", "/dev", "65"],
      answer: "ENOSPC",
      without: unsized("/dev"),
      otherwise: "ok",
    },
    { ...flags("/dev/pts", "nosuid,noexec"), keepsOut: "nothing of itself: there are no programs" },
    {
      ...flags("/dev/mqueue", "nosuid,nodev,noexec"),
      keepsOut: "nothing of itself: a queue cannot be run",
    },
    {
      name: "/dev/shm is mounted noexec",
      keepsOut: "programs put into shared memory",
      by: "flags of the mount",
      tries: ["execute-in", "/dev/shm"],
      answer: "EACCES",
      without: plain("/dev/shm"),
      otherwise: "user 0",
    },
    {
      name: "/dev/shm is mounted nosuid",
      keepsOut: "set-uid programs in shared memory",
      by: "flags of the mount",
      tries: ["set-uid-in", "/dev/shm"],
      byDefault: "EACCES",
      beside: {
        words: "mounted without noexec",
        plan: changeMount("/dev/shm", { attributes: ATTRIBUTE.NOSUID | ATTRIBUTE.NODEV }),
      },
      answer: "user 1000",
      without: plain("/dev/shm"),
      otherwise: "user 0",
      needs,
    },
    {
      name: "/dev/shm has a size",
      keepsOut: "filling the machine's memory through it",
      by: SIZED,
      tries: ["fill", "/dev/shm", "65"],
      answer: "ENOSPC",
      without: unsized("/dev/shm"),
      otherwise: "ok",
    },
    {
      name: "a tmpfs of the caller's is mounted noexec",
      keepsOut: "programs put there",
      by: "Docker's options for a tmpfs",
      tries: ["execute-in", "/scratch"],
      beside: SCRATCH,
      byDefault: "ENOENT",
      answer: "EACCES",
      without: plain("/scratch"),
      otherwise: "user 0",
    },
    {
      name: "a mount made inside does not reach the machine",
      keepsOut: "mounts in the machine's tree",
      by: "a mount namespace whose mounts are slaves (`propagation` of the plan)",
      tries: ["syscall", "mount", "none", "/tmp", "tmpfs", "0", "0"],
      byDefault: "EPERM",
      beside: both(UNCONFINED, addCapability("CAP_SYS_ADMIN")),
      answer: "ok",
      why: "in a user namespace's own mount namespace the kernel makes every mount a slave; that it is not seen outside is asserted for every test file",
    },
  ],
};

/** Where any user may open it. */
function given(path: string): Loosening {
  return { words: `\`devices\`: ${path}`, options: { devices: [{ source: path }] } };
}

function device(path: string, keepsOut: string, without = bound(path)): Row {
  return {
    name: `${path} is not there`,
    keepsOut,
    by: "/dev is a tmpfs with six nodes of the machine bound into it",
    tries: ["open-reading", path],
    answer: "ENOENT",
    without,
    otherwise: ["ok", "EACCES", "EPERM", "EIO", "EBUSY"],
    needs: { path },
  };
}

export const DEVICES: Section = {
  title: "devices",
  file: "confinement-mounts.test.ts",
  rows: [
    device("/dev/fuse", "file systems of its own, served by itself", given("/dev/fuse")),
    device("/dev/kmsg", "the kernel's messages"),
    device("/dev/kvm", "virtual machines of its own"),
    device("/dev/loop0", "the machine's disk images"),
    device("/dev/mem", "the machine's memory"),
    device("/dev/net/tun", "network interfaces of its own", given("/dev/net/tun")),
    device("/dev/vda", "the machine's disks"),
    {
      name: "terminals of the machine are not there",
      keepsOut: "reading and writing on the caller's other terminals",
      by: "/dev/pts is a file system of its own",
      tries: ["open-reading", "{terminal}"],
      answer: "ENOENT",
      without: bound("/dev/pts"),
      otherwise: "ok",
    },
    device("/dev/console", "the machine's console"),
    ...["null", "zero", "full", "random", "urandom", "tty"].map((name) => ({
      name: `/dev/${name} cannot be changed`,
      keepsOut: "changes of owner, mode and times of the machine's node by root",
      by: "bound read-only",
      tries: ["touch", `/dev/${name}`],
      answer: "EROFS",
      without: writableDevice(name),
      otherwise: ["EPERM", "EACCES", "ok"],
    })),
  ],
};
