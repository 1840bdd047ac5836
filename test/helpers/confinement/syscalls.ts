/** Rows of the system calls that Docker's default seccomp profile does not allow. */
import { type Answer, type Row, type Section, UNCONFINED, allCapabilities } from "./row.ts";

/** How a call is tried, and what the kernel itself says to that from who has every capability. */
interface Call {
  /** Name and arguments. */
  readonly tries: string;
  readonly otherwise?: Answer;
  readonly why?: string;
}

interface Group {
  readonly keepsOut: string;
  readonly calls: readonly Call[];
}

const MACHINE = "the kernel asks for a capability in the machine's own user namespace";
const GONE = "no longer in the kernel";

/** An address, a descriptor or flags that are none. */
function call(tries: string, ...otherwise: readonly string[]): Call {
  return { tries, otherwise };
}

/** Denied by the kernel too, or not in it. */
function beyond(tries: string): Call {
  return { tries, otherwise: ["EPERM", "ENOSYS"], why: MACHINE };
}

const CLONE_NEWUSER = "0x10000000";
const FAN_REPORT_FID = "0x200";
const SESSION_KEYRING = "-3";
const ADDR_NO_RANDOMIZE = "0x40000";
const USER_MODE_ONLY = "1";
const AF_VSOCK_STREAM = "40 1 0";
const AF_ALG_SEQPACKET = "38 5 0";
const REBOOT_CAD_OFF = "0xfee1dead 672274793 0";
const CLOCK_REALTIME_SETTIME = "clock_settime 0 -1";

const GROUPS: readonly Group[] = [
  {
    keepsOut: "namespaces of its own, which give every capability over what they own",
    calls: [
      call(`unshare ${CLONE_NEWUSER}`, "ok", "ENOSPC"),
      call(`clone ${CLONE_NEWUSER}`, "ok", "ENOSPC"),
      call("setns -1 0", "EBADF"),
    ],
  },
  {
    keepsOut: "mounts of its own, and changes of those that are there",
    calls: [
      call("mount none /tmp tmpfs 0 0", "ok"),
      call("umount2 /nowhere 0", "ENOENT"),
      call("pivot_root . .", "EINVAL"),
      call("open_tree -1 . 0", "EBADF"),
      call("move_mount -1 . -1 . 0", "EBADF", "EINVAL"),
      call("mount_setattr -1 . 0 -1 0", "EINVAL"),
      call("fsopen tmpfs 0", "ok"),
      call("fsconfig -1 0 0 0 0", "EBADF", "EINVAL"),
      call("fsmount -1 0 0", "EBADF"),
      call("fspick -1 . 0", "EBADF"),
    ],
  },
  {
    keepsOut: "keys of the machine, which know of no namespace of processes",
    calls: [
      call(`add_key user probe x 1 ${SESSION_KEYRING}`, "ok"),
      call("request_key user probe 0 0", "ENOKEY"),
      call(`keyctl 0 ${SESSION_KEYRING} 0`, "ok"),
    ],
  },
  {
    keepsOut: "programs in the kernel, and a view of what runs in it",
    calls: [
      {
        ...call("bpf 5 -1 128", "EFAULT", "EPERM"),
        why: "EPERM where the machine leaves it to its root (kernel.unprivileged_bpf_disabled)",
      },
      call("perf_event_open -1 0 -1 -1 0", "EFAULT", "ENOSYS"),
      call(`userfaultfd ${USER_MODE_ONLY}`, "ok", "ENOSYS"),
      { ...beyond("lookup_dcookie 1 -1 1"), why: GONE },
    ],
  },
  {
    keepsOut: "calls that no filter sees: what is asked for lies in memory",
    calls: [
      call("io_uring_setup 1 -1", "EFAULT", "ENOSYS"),
      call("io_uring_enter -1 0 0 0 0 0", "EBADF", "ENOSYS"),
      call("io_uring_register -1 0 0 0", "EBADF", "EINVAL", "ENOSYS"),
    ],
  },
  {
    keepsOut: "files by number, past the directories above them",
    calls: [
      {
        ...call("open_by_handle_at -1 -1 0", "EFAULT", "EPERM"),
        why: "EPERM before Linux 6.10, which asked for the capability in the machine's namespace",
      },
    ],
  },
  {
    keepsOut: "other processes: their descriptors, memory and what they share",
    calls: [
      call("kcmp 1 1 0 0 0", "ok", "ENOSYS"),
      call("pidfd_getfd -1 -1 0", "EBADF"),
      call("process_madvise -1 -1 0 0 0", "EBADF", "ENOSYS"),
    ],
  },
  {
    keepsOut: "where memory lies in a machine with several nodes",
    calls: [
      call("get_mempolicy -1 -1 -1 -1 -1", "EINVAL", "ENOSYS"),
      call("set_mempolicy -1 -1 -1", "EINVAL", "ENOSYS"),
      call("mbind -1 -1 -1 -1 -1 -1", "EINVAL", "ENOSYS"),
      call("move_pages -1 -1 -1 -1 -1 -1", "EINVAL", "ENOSYS"),
      call("migrate_pages -1 1 0 0", "ESRCH", "ENOSYS", "EINVAL"),
      call("set_mempolicy_home_node -1 -1 -1 -1", "EINVAL", "ENOSYS"),
    ],
  },
  {
    keepsOut: "a weaker layout of memory for programs it starts",
    calls: [call(`personality ${ADDR_NO_RANDOMIZE}`, "ok")],
  },
  {
    keepsOut: "the hypervisor of the machine (CVE-2021-26708)",
    calls: [call(`socket ${AF_VSOCK_STREAM}`, "ok", "EAFNOSUPPORT", "ENODEV", "ESOCKTNOSUPPORT")],
  },
  {
    keepsOut: "ciphers in the kernel, which had holes (CVE-2026-31431)",
    calls: [call(`socket ${AF_ALG_SEQPACKET}`, "ok", "EAFNOSUPPORT")],
  },
  {
    keepsOut: "watching every file of a mount",
    calls: [call(`fanotify_init ${FAN_REPORT_FID} 0`, "ok", "ENOSYS")],
  },
  {
    keepsOut: "another name of the machine, also where it is its own",
    calls: [call("sethostname probe 5", "ok"), call("setdomainname probe 5", "ok")],
  },
  {
    keepsOut: "the machine's clock",
    calls: [call(CLOCK_REALTIME_SETTIME, "EFAULT"), call("settimeofday -1 0", "EFAULT")],
  },
  {
    keepsOut: "an end of the machine, or of all processes of a namespace",
    calls: [
      call(`reboot ${REBOOT_CAD_OFF}`, "EINVAL"),
      beyond("kexec_load 0 0 0 0"),
      beyond("kexec_file_load -1 -1 0 0 0"),
    ],
  },
  {
    keepsOut: "code in the kernel",
    calls: [
      beyond("init_module -1 0 -1"),
      beyond("finit_module -1 -1 0"),
      beyond("delete_module probe 0"),
    ],
  },
  {
    keepsOut: "the machine's ports and devices",
    calls: [beyond("iopl 3"), beyond("ioperm 0 1 1"), beyond("vhangup")],
  },
  {
    keepsOut: "the machine's swap, quotas and accounts",
    calls: [
      beyond("swapon -1 0"),
      beyond("swapoff -1"),
      call("quotactl -1 -1 -1 -1", "EINVAL", "ENOSYS", "ENODEV", "EFAULT"),
      call("quotactl_fd -1 -1 -1 -1", "EBADF", "ENOSYS", "EINVAL"),
      beyond("acct -1"),
    ],
  },
  {
    keepsOut: "the kernel's messages",
    calls: [
      {
        ...call("syslog 10 0 0", "ok", "EPERM"),
        why: "EPERM where the machine keeps its messages for root (kernel.dmesg_restrict)",
      },
    ],
  },
  {
    keepsOut: "calls that nobody needs any more",
    calls: [
      call("sysfs 3", "ok", "ENOSYS"),
      call("ustat 0 -1", "EINVAL", "ENOSYS"),
      call("uselib -1", "ENOSYS", "EFAULT"),
      call("create_module probe 1", "ENOSYS"),
      call("query_module 0 0 0 0 0", "ENOSYS"),
      call("get_kernel_syms 0", "ENOSYS"),
      call("nfsservctl 0 0 0", "ENOSYS"),
      call("_sysctl -1", "ENOSYS"),
    ],
  },
];

const BY = "the seccomp filter, an allow-list";

function row(keepsOut: string, { tries, ...rest }: Call): Row {
  const [name = "", ...words] = tries.split(" ");
  return {
    name: `${name}(${/^(?:socket|personality|clone)$/.test(name) ? words[0] : ""}) is denied`,
    keepsOut,
    by: BY,
    tries: ["syscall", name, ...words],
    beside: allCapabilities,
    answer: "EPERM",
    without: UNCONFINED,
    ...rest,
  };
}

export const SYSTEM_CALLS: Section = {
  title: "system calls",
  file: "confinement-syscalls.test.ts",
  rows: [
    ...GROUPS.flatMap(({ keepsOut, calls }) => calls.map((one) => row(keepsOut, one))),
    {
      ...row("namespaces by flags that a filter cannot see", call("clone3 -1 -1", "E2BIG")),
      name: "clone3() does not exist",
      by: `${BY}; C libraries fall back to clone()`,
      answer: "ENOSYS",
    },
  ],
};
