/** From a failure to its cause on this host: rows of symptom → what is looked at → one sentence. */
import { accessSync, constants, readFileSync } from "node:fs";
import { BUNDLE_HINTS } from "./bundle-hints.ts";
import { execHint } from "./exec-hints.ts";
import { filesystemType } from "./filesystems.ts";

/** A failure as marmita-init reports it. */
export interface Symptom {
  /** "mount proc on /proc" */
  readonly what: string;
  /** The operation of the plan, or `namespace`: where it is known. */
  readonly step?: string | undefined;
  /** "EPERM" */
  readonly errno?: string | undefined;
  /** The data root, where the failure is about it. */
  readonly directory?: string | undefined;
}

/** How this host is looked at. Tests hand in their own. */
export interface HintHost {
  /** `undefined` for a file that cannot be read. */
  read(path: string): string | undefined;
  canOpen(path: string): boolean;
  /** "nfs"; `undefined` when it cannot be told. */
  filesystem(path: string): string | undefined;
}

type Look = (host: HintHost, symptom: Symptom) => string | undefined;

interface Row {
  readonly errno: RegExp;
  /** Against the step and the text of the failure, `step: what`. */
  readonly where: RegExp;
  readonly look: Look;
}

const NAMESPACES = /^(?:namespaces?|clone|unshare)\b|\b(?:clone3?|unshare|user namespace)\b/;
const ID_MAPS = /\b(?:uid_map|gid_map|uid-map|gid-map|setgroups|newuidmap|newgidmap)\b/;

/** The first row that has something to say wins: the certain causes stand before the likely ones. */
const ROWS: readonly Row[] = [
  { errno: /^(?:EPERM|EINVAL)$/, where: /\bmap the ids of the mount\b/, look: foreignFilesystem },
  { errno: /^(?:ENOSPC|EUSERS)$/, where: NAMESPACES, look: namespaceLimit },
  { errno: /^(?:EPERM|EACCES)$/, where: NAMESPACES, look: cloneSysctl },
  { errno: /^(?:EPERM|EACCES)$/, where: NAMESPACES, look: apparmorRestriction },
  { errno: /^(?:EPERM|EACCES)$/, where: ID_MAPS, look: apparmorRestriction },
  {
    errno: /^(?:EPERM|EACCES)$/,
    where: /\b(?:loopback|overlay|mount|pivot)/,
    look: apparmorRestriction,
  },
  { errno: /^EPERM$/, where: NAMESPACES, look: changedRoot },
  // ENOSYS is what Docker's default says to clone3().
  { errno: /^(?:EPERM|ENOSYS)$/, where: NAMESPACES, look: outerSeccomp },
  { errno: /^E/, where: /^seccomp: install\b/, look: noFilters },
  { errno: /^(?:ENOENT|EBADMSG)$/, where: /^seccomp: /, look: lostFilter },
  { errno: /^(?:EPERM|EINVAL)$/, where: ID_MAPS, look: uselessHelpers },
  { errno: /^ENOENT$/, where: /\bnew[ug]idmap\b/, look: missingHelpers },
  { errno: /^EPERM$/, where: /\bmount (?:proc|sysfs)\b/, look: maskedProc },
  { errno: /^(?:ENOSPC|EDQUOT)$/, where: /^copy-up: /, look: fullDisk },
  { errno: /^EINVAL$/, where: /without what is mounted below it/, look: coveredBelow },
  { errno: /^ENODEV$/, where: /\boverlay\b/, look: missingOverlay },
  { errno: /^E/, where: /\boverlay\b/, look: overlayOverOdd },
  { errno: /^E/, where: /\bfuse/, look: fuseDevice },
  { errno: /^E/, where: /^network: /, look: tunDevice },
  { errno: /^E/, where: /^network: .*\bpasta: .*[Pp]erm/, look: apparmorProfile },
  { errno: /^E/, where: /^network: connect/, look: otherHelper },
  { errno: /^EINVAL$/, where: /^user: /, look: unmappedUser },
  { errno: /^ESRCH$/, where: /^join: /, look: stoppedContainer },
  { errno: /^EPERM$/, where: /^join: /, look: foreignContainer },
  { errno: /^EPERM$/, where: /^rlimit: raise/, look: hardLimit },
  { errno: /^EACCES$/, where: /^oom-score-adj: /, look: lowerOomScore },
  ...BUNDLE_HINTS.map(({ errno, where, hint }) => ({ errno, where, look: () => hint })),
  { errno: /^(?:EACCES|EPERM)$/, where: /^file: .*\/proc\/sys\/(?:kernel|fs)\//, look: ipcSysctl },
  { errno: /^E/, where: /^exec: /, look: (_host, { what }) => execHint(what) },
  { errno: /^EACCES$/, where: /^(?:exec|spawn)\b|marmita-init/, look: noexec },
  { errno: /^EPIPE$/, where: /\bpeer died$/, look: killedAtStart },
  { errno: /^EACCES$/, where: /./, look: selinux },
];

/** One sentence for `MarmitaError.hint`; `undefined` when this host shows no cause. Never throws. */
export function hintFor(symptom: Symptom, host: HintHost = THIS_HOST): string | undefined {
  const text = symptom.step === undefined ? symptom.what : `${symptom.step}: ${symptom.what}`;
  for (const { errno, where, look } of ROWS) {
    if (!errno.test(symptom.errno ?? "") || !where.test(text)) continue;
    const hint = look(host, symptom);
    if (hint !== undefined) return hint;
  }
  return undefined;
}

const LIMITS = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];

function stoppedContainer(): string {
  return "what is shared with a container is there only while it runs: start it first";
}

function foreignContainer(): string {
  return "a container shares the namespaces of one other only, or of several that share one user namespace";
}

function namespaceLimit(host: HintHost): string {
  const values = LIMITS.map((kind) => `max_${kind}_namespaces`).map((name) => {
    return { name: `user.${name}`, value: host.read(`/proc/sys/user/${name}`)?.trim() };
  });
  const zero = values.find(({ value }) => value === "0");
  if (zero !== undefined) {
    return `${zero.name} is 0 on this machine; as root: sysctl -w ${zero.name}=15000`;
  }
  const known = values.flatMap(({ name, value }) =>
    value === undefined ? [] : `${name}=${value}`,
  );
  return `a limit on namespaces is reached (${known.join(", ")}), or they are nested over 32 deep`;
}

function cloneSysctl(host: HintHost): string | undefined {
  const name = "kernel.unprivileged_userns_clone";
  if (host.read("/proc/sys/kernel/unprivileged_userns_clone")?.trim() !== "0") return undefined;
  return `${name} is 0 on this machine; as root: sysctl -w ${name}=1`;
}

function apparmorRestriction(host: HintHost): string | undefined {
  const name = "kernel.apparmor_restrict_unprivileged_userns";
  if (host.read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")?.trim() !== "1") {
    return undefined;
  }
  return (
    `AppArmor keeps unprivileged programs from using user namespaces here (${name}=1); ` +
    `root can load a profile for marmita-init that says "userns,"`
  );
}

/** user_namespaces(7): not for a process whose root is no mount's root. */
function changedRoot(host: HintHost): string | undefined {
  const mounts = host.read("/proc/self/mountinfo");
  if (mounts === undefined || /^\d+ \d+ \S+ \S+ \/ /m.test(mounts)) return undefined;
  return (
    "this process is in a chroot, where the kernel makes no user namespaces; " +
    "enter the directory by pivot_root, as systemd-nspawn and bwrap do"
  );
}

function outerSeccomp(host: HintHost): string | undefined {
  const status = host.read("/proc/self/status") ?? "";
  if (!/^Seccomp:\s*2$/m.test(status)) return undefined;
  return (
    "a seccomp filter around this process, as Docker's default one, denies it; start the outer " +
    "container with --security-opt seccomp=unconfined or a profile that allows clone and unshare"
  );
}

function noFilters(host: HintHost): string {
  const status = host.read("/proc/self/status") ?? "";
  const why = /^Seccomp:/m.test(status)
    ? "a filter or sandbox around this process forbids containers filters of their own"
    : "this kernel was built without seccomp";
  return `${why}; --security-opt seccomp=unconfined (seccomp: "unconfined") goes without one`;
}

function lostFilter(): string {
  return "the filter's file was lost or changed; starting the container once more makes it anew";
}

function uselessHelpers(host: HintHost): string | undefined {
  const status = host.read("/proc/self/status") ?? "";
  if (/^NoNewPrivs:\s*1$/m.test(status)) {
    return "no_new_privs is set for this process, so newuidmap has no more rights than it has";
  }
  const lines = (host.read("/proc/self/uid_map") ?? "").trim();
  if (/^\s*0\s+0\s+4294967295$/.test(lines)) return undefined;
  return (
    "this process runs in a user namespace already; the ranges of /etc/subuid and /etc/subgid " +
    `must lie within the ids it has (${lines.replaceAll(/\s+/g, " ")})`
  );
}

function missingHelpers(): string {
  return "install newuidmap and newgidmap (Debian and Ubuntu: uidmap, Fedora: shadow-utils)";
}

function maskedProc(host: HintHost): string | undefined {
  const mounts = host.read("/proc/self/mountinfo") ?? "";
  const covered = mounts.split("\n").flatMap((line) => line.split(" ")[4] ?? []);
  const inner = covered.find((path) => /^\/(?:proc|sys)\//.test(path) && !isKernelMount(path));
  if (inner === undefined) return undefined;
  return (
    `the outer container hides parts of /proc or /sys (${inner}), so the kernel gives no fresh ` +
    "one; start it with --security-opt unmask=ALL (Podman), --security-opt systempaths=unconfined " +
    "(Docker) or procMount: Unmasked (Kubernetes)"
  );
}

/** Mounted on a permanently empty directory, on any machine: these hide nothing. */
function isKernelMount(path: string): boolean {
  return /^\/(?:proc\/sys\/fs\/binfmt_misc|proc\/fs\/nfsd|sys\/(?:fs|kernel|firmware\/efi))/.test(
    path,
  );
}

const ODD_FILESYSTEMS: Readonly<Record<string, string>> = {
  overlayfs: "overlayfs cannot lie over another overlayfs: use a volume of the outer container",
  nfs: "it lacks what overlayfs needs to write: use a directory on a local disk",
  ecryptfs: "it lacks what overlayfs needs to write: use a directory that is not encrypted by it",
  fuseblk: "it lacks what overlayfs needs to write: use a directory on ext4, xfs or btrfs",
  fuse: "it lacks what overlayfs needs to write: use a directory on ext4, xfs or btrfs",
  msdos: "it has no owners nor links: use a directory on ext4, xfs or btrfs",
  tmpfs: "it keeps user.* attributes only from Linux 6.6 on: use a directory on a disk",
  "9p": "it lacks what overlayfs needs to write: use a directory on a local disk",
};

function missingOverlay(): string {
  return "the kernel has no overlay file system; as root: modprobe overlay";
}

/** The data root, or the directory of the machine that an overlay of image `host` lies over. */
function overlayOverOdd(host: HintHost, { directory, what }: Symptom): string | undefined {
  const path = directory ?? /^(\/[^:]*): /.exec(what)?.[1];
  if (path === undefined) return undefined;
  const type = host.filesystem(path);
  if (type === undefined) return undefined;
  if (directory === undefined) return `${path} is on ${type}, which overlayfs does not take here`;
  const why = ODD_FILESYSTEMS[type];
  if (why === undefined) return undefined;
  return `${path} is on ${type}; ${why}, and name it as the data root (MARMITA_ROOT)`;
}

function fullDisk(): string {
  return "the disk that volumes are on is full, or a quota is used up; the volume is still empty";
}

/** mount_namespaces(7), "Restrictions on mount namespaces". */
function coveredBelow(): string {
  return "something is mounted below it, which a user namespace may not uncover: mount it recursively";
}

/** mount_setattr(2), MOUNT_ATTR_IDMAP. */
function foreignFilesystem(): string {
  return "only root of the user namespace that mounted a file system may map its ids: leave out idmap";
}

function fuseDevice(host: HintHost): string | undefined {
  if (host.canOpen("/dev/fuse")) return undefined;
  return "/dev/fuse is missing or may not be opened; outer containers take it by --device /dev/fuse";
}

function tunDevice(host: HintHost, { what }: Symptom): string | undefined {
  if (host.canOpen("/dev/net/tun") && !what.includes("/dev/net/tun")) return undefined;
  return (
    "/dev/net/tun is missing or may not be opened; outer containers take it by " +
    "--device /dev/net/tun, else as root: modprobe tun; chmod 0666 /dev/net/tun"
  );
}

function apparmorProfile(host: HintHost): string | undefined {
  if (host.read("/sys/module/apparmor/parameters/enabled")?.trim() !== "Y") return undefined;
  return (
    "AppArmor confines programs here: journalctl -k --grep=apparmor shows what it denied pasta; " +
    "slirp4netns has no profile, and is used where it is installed"
  );
}

/** What failed for reasons of its own may not concern the other one. */
function otherHelper(_host: HintHost, { what }: Symptom): string {
  const both = what.includes("pasta: ") && what.includes("slirp4netns: ");
  const other = what.includes("pasta: ") ? "slirp4netns" : "pasta (package passt)";
  const words = both ? [] : [`install ${other} beside it, or`];
  return [...words, 'use network "none" or "host"'].join(" ");
}

function killedAtStart(): string {
  return (
    "the container's first process was killed before its command began: by its seccomp profile, " +
    "which must allow what a start takes, or for want of memory"
  );
}

function unmappedUser(): string {
  return "this id is not among those mapped here: subordinate ids (/etc/subuid, /etc/subgid) give more";
}

function hardLimit(): string {
  return (
    "only root of this machine may raise a hard limit, for its users in " +
    "/etc/security/limits.conf or a unit's Limit…=; `ulimit -H -a` lists those of this shell"
  );
}

function lowerOomScore(host: HintHost): string {
  const own = host.read("/proc/self/oom_score_adj")?.trim() ?? "its own";
  return `a value below that of the calling process (${own}) takes root of this machine`;
}

function ipcSysctl(): string {
  return "from Linux 6.9 on an ordinary user may set it in an ipc namespace of its own";
}

function noexec(host: HintHost): string | undefined {
  const mounts = host.read("/proc/self/mountinfo") ?? "";
  const home = mounts
    .split("\n")
    .map((line) => line.split(" "))
    .find(([, , , , path = "", options = ""]) => path === "/home" && /\bnoexec\b/.test(options));
  return home === undefined ? undefined : "/home is mounted noexec: install marmita elsewhere";
}

function selinux(host: HintHost): string | undefined {
  if (host.read("/sys/fs/selinux/enforce")?.trim() !== "1") return undefined;
  return "SELinux is enforcing here; root finds what it denied with: ausearch -m avc -ts recent";
}

const THIS_HOST: HintHost = {
  read(path) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
  canOpen(path) {
    try {
      accessSync(path, constants.R_OK | constants.W_OK);
      return true;
    } catch {
      return false;
    }
  },
  filesystem: filesystemType,
};
