/**
 * Which system calls a container may make unless told otherwise: what Docker's default profile
 * allows (github.com/moby/profiles, seccomp/default_linux.go, June 2026), in groups by use.
 *
 * Everything else, and what Linux will have tomorrow, is not allowed. A test holds the names
 * against a list of Docker's.
 */
import type { ProfileRule, SeccompProfile } from "./profile.ts";

/** Calls by what they are for; each may be made by every container. */
const ALWAYS: Readonly<Record<string, string>> = {
  "files: open and close": `close close_range creat name_to_handle_at open openat openat2 truncate
    truncate64 ftruncate ftruncate64`,

  "files: read and write": `_llseek copy_file_range fadvise64 fadvise64_64 fallocate fdatasync fsync
    lseek pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readv sendfile sendfile64
    splice sync sync_file_range syncfs tee vmsplice write writev cachestat`,

  "files: what they are": `access faccessat faccessat2 fstat fstat64 fstatat64 fstatfs fstatfs64
    lstat lstat64 newfstatat stat stat64 statfs statfs64 statx statmount listmount`,

  "files: owner, mode, times": `chmod chown chown32 fchmod fchmodat fchmodat2 fchown fchown32
    fchownat futimesat lchown lchown32 umask utime utimensat utimensat_time64 utimes`,

  "files: extended attributes": `fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat
    lgetxattr listxattr listxattrat llistxattr lremovexattr lsetxattr removexattr removexattrat
    setxattr setxattrat`,

  "directories and names": `chdir fchdir getcwd getdents getdents64 link linkat mkdir mkdirat mknod
    mknodat readlink readlinkat rename renameat renameat2 rmdir symlink symlinkat unlink unlinkat`,

  descriptors: "dup dup2 dup3 fcntl fcntl64 flock ioctl pipe pipe2",

  "events on descriptors": `_newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old
    epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 poll ppoll ppoll_time64
    pselect6 pselect6_time64 select signalfd signalfd4`,

  // Watching takes a right of its own to begin with: fanotify_init.
  "events on files": `fanotify_mark inotify_add_watch inotify_init inotify_init1
    inotify_rm_watch`,

  // Not io_uring: it would make calls that no filter sees.
  "asynchronous input and output": `io_cancel io_destroy io_getevents io_pgetevents
    io_pgetevents_time64 io_setup io_submit`,

  memory: `brk get_thread_area madvise map_shadow_stack membarrier memfd_create memfd_secret mincore
    mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc
    pkey_free pkey_mprotect process_mrelease remap_file_pages set_thread_area`,

  "processes: begin and end": `execve execveat exit exit_group fork vfork wait4 waitid waitpid`,

  "processes: who they are": `getpgid getpgrp getpid getppid getsid gettid setpgid setsid
    set_tid_address pidfd_open`,

  "users, groups, capabilities": `capget capset getegid getegid32 geteuid geteuid32 getgid getgid32
    getgroups getgroups32 getresgid getresgid32 getresuid getresuid32 getuid getuid32 setfsgid
    setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32
    setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32`,

  "giving up rights": `landlock_add_rule landlock_create_ruleset landlock_restrict_self prctl
    seccomp`,

  signals: `alarm kill pause pidfd_send_signal restart_syscall rt_sigaction rt_sigpending
    rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn tgkill tkill`,

  // The clock itself is set with a capability only; adjtimex() and the like check that by themselves.
  "clocks and timers": `adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64
    clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday
    nanosleep setitimer time timer_create timer_delete timer_getoverrun timer_gettime
    timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64
    timerfd_settime timerfd_settime64 times`,

  threads: `futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list rseq
    set_robust_list`,

  scheduling: `getcpu getpriority ioprio_get ioprio_set sched_get_priority_max
    sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
    sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr
    sched_setparam sched_setscheduler sched_yield setpriority`,

  limits: "getrlimit getrusage prlimit64 setrlimit ugetrlimit",

  "between processes": `ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64
    mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop
    semtimedop semtimedop_time64 shmat shmctl shmdt shmget`,

  // socket() has conditions, below; socketcall() has them not, its arguments are out of reach.
  sockets: `accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom
    recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall
    socketpair`,

  "this machine": "getrandom riscv_hwprobe sysinfo uname",

  // Made by the kernel's own code in the process, not by the program.
  "probes of the kernel": "uretprobe",
};

/** Calls that come with a capability: without it the kernel would refuse most of what they do. */
const WITH_CAPABILITY: Readonly<Record<string, string>> = {
  CAP_BPF: "bpf",
  CAP_DAC_READ_SEARCH: "open_by_handle_at",
  CAP_PERFMON: "perf_event_open",
  // Among them what makes namespaces, and what of mounts is new.
  CAP_SYS_ADMIN: `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie
    lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree
    perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2
    unshare`,
  CAP_SYS_BOOT: "reboot",
  CAP_SYS_CHROOT: "chroot",
  CAP_SYS_MODULE: "delete_module finit_module init_module",
  CAP_SYS_NICE: "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
  CAP_SYS_PACCT: "acct",
  CAP_SYS_PTRACE: `kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace`,
  CAP_SYS_RAWIO: "ioperm iopl",
  CAP_SYS_TIME: "clock_settime clock_settime64 settimeofday stime",
  CAP_SYS_TTY_CONFIG: "vhangup",
  CAP_SYSLOG: "syslog",
};

/** Calls of some architectures, by the names that Docker's profiles have for these. */
const ON_ARCHITECTURE: readonly (readonly [arches: readonly string[], names: string])[] = [
  [["amd64", "x32"], "arch_prctl"],
  [["amd64", "x32", "x86"], "modify_ldt"],
  [
    ["arm", "arm64"],
    "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2",
  ],
];

const AF_ALG = 38;
const AF_VSOCK = 40;

/** Linux, and what emulates 32-bit or old programs without weakening the layout of memory. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NEW_NAMESPACES = 0x7e02_0000;

const ENOSYS = 38;
const EPERM = 1;

const allow = "SCMP_ACT_ALLOW";

const CONDITIONAL: readonly ProfileRule[] = [
  // Before Linux 4.8 a tracer could lead a traced process past its filter.
  {
    names: ["process_vm_readv", "process_vm_writev", "ptrace"],
    action: allow,
    includes: { minKernel: "4.8" },
  },
  // Neither the kernel's ciphers (AF_ALG), which had more holes than users, nor the machine's
  // hypervisor (AF_VSOCK), which knows no network namespaces. What lies between them is KCM.
  socketRule("SCMP_CMP_LT", AF_ALG),
  socketRule("SCMP_CMP_EQ", AF_ALG + 1),
  socketRule("SCMP_CMP_GT", AF_VSOCK),
  ...PERSONALITIES.map((value) => ({
    names: ["personality"],
    action: allow,
    args: [{ index: 0, value, valueTwo: 0, op: "SCMP_CMP_EQ" }],
  })),
  {
    names: ["clone"],
    action: allow,
    args: [{ index: 0, value: NEW_NAMESPACES, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
    excludes: { caps: ["CAP_SYS_ADMIN"] },
  },
  // Its flags lie in memory, which no filter can read: C libraries fall back to clone().
  {
    names: ["clone3"],
    action: "SCMP_ACT_ERRNO",
    errnoRet: ENOSYS,
    excludes: { caps: ["CAP_SYS_ADMIN"] },
  },
];

function socketRule(op: string, value: number): ProfileRule {
  return { names: ["socket"], action: allow, args: [{ index: 0, value, valueTwo: 0, op }] };
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

export const DEFAULT_PROFILE: SeccompProfile = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: EPERM,
  archMap: [
    {
      architecture: "SCMP_ARCH_X86_64",
      subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    },
    { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
  ],
  syscalls: [
    { names: Object.values(ALWAYS).flatMap(words), action: allow },
    ...CONDITIONAL,
    ...ON_ARCHITECTURE.map(([arches, names]) => {
      return { names: words(names), action: allow, includes: { arches } };
    }),
    ...Object.entries(WITH_CAPABILITY).map(([capability, names]) => {
      return { names: words(names), action: allow, includes: { caps: [capability] } };
    }),
  ],
};
