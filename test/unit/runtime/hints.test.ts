import { describe, expect, it } from "vitest";
import { type HintHost, hintFor } from "../../../lib/runtime/hints.ts";

interface Given {
  readonly files?: Readonly<Record<string, string>>;
  readonly fuse?: boolean;
  readonly filesystem?: string;
}

function host({ files = {}, fuse = true, filesystem = "ext4" }: Given = {}): HintHost {
  return {
    read: (path) => files[path],
    canOpen: () => fuse,
    filesystem: () => filesystem,
  };
}

const CLONE = { step: "namespace", what: "clone" };
const MAP = { step: "namespace", what: "write uid_map" };
const OVERLAY = { step: "overlay", what: "mount overlay of 2 directories on /d", directory: "/d" };
const APPARMOR = { "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n" };
const MASKED = "30 22 0:5 /null /proc/keys rw - devtmpfs devtmpfs rw\n";
const SELINUX = { "/sys/fs/selinux/enforce": "1" };

describe("hintFor", () => {
  it.each([
    [
      "a limit of no namespaces",
      { ...CLONE, errno: "ENOSPC" },
      { files: { "/proc/sys/user/max_user_namespaces": "0\n" } },
      "user.max_user_namespaces is 0",
    ],
    [
      "a limit that is reached",
      { ...CLONE, errno: "ENOSPC" },
      { files: { "/proc/sys/user/max_net_namespaces": "7\n" } },
      "(user.max_net_namespaces=7)",
    ],
    [
      "Debian's switch",
      { ...CLONE, errno: "EPERM" },
      { files: { "/proc/sys/kernel/unprivileged_userns_clone": "0\n" } },
      "kernel.unprivileged_userns_clone is 0",
    ],
    [
      "a first process that was killed",
      { what: "wait for ready: peer died", errno: "EPIPE" },
      {},
      "seccomp profile",
    ],
    [
      "a chroot",
      { ...CLONE, errno: "EPERM" },
      { files: { "/proc/self/mountinfo": "30 22 0:5 / /proc rw - proc proc rw\n" } },
      "in a chroot",
    ],
    ["AppArmor at clone", { ...CLONE, errno: "EACCES" }, { files: APPARMOR }, "AppArmor"],
    ["AppArmor at the id map", { ...MAP, errno: "EACCES" }, { files: APPARMOR }, "AppArmor"],
    [
      "AppArmor at the first use",
      { step: "loopback", what: "bring up lo", errno: "EPERM" },
      { files: APPARMOR },
      "AppArmor",
    ],
    [
      "a tap device out of reach",
      { step: "network", what: "connect the network: pasta: it ended", errno: "EIO" },
      { fuse: false },
      "--device /dev/net/tun",
    ],
    [
      "a tap device that the helper names",
      { step: "network", what: "connect the network: slirp4netns: /dev/net/tun: No", errno: "EIO" },
      {},
      "modprobe tun",
    ],
    [
      "AppArmor around pasta",
      { step: "network", what: "connect the network: pasta: Permission denied", errno: "EIO" },
      { files: { "/sys/module/apparmor/parameters/enabled": "Y\n" } },
      "AppArmor confines",
    ],
    [
      "one network helper that fails",
      { step: "network", what: "connect the network: pasta: no route", errno: "EIO" },
      {},
      'install slirp4netns beside it, or use network "none"',
    ],
    [
      "both network helpers that fail",
      { step: "network", what: "connect the network: pasta: x; slirp4netns: y", errno: "EIO" },
      {},
      'use network "none" or "host"',
    ],
    [
      "an outer seccomp filter",
      { ...CLONE, errno: "EPERM" },
      { files: { "/proc/self/status": "NoNewPrivs:\t1\nSeccomp:\t2\n" } },
      "a seccomp filter around this process",
    ],
    [
      "what Docker's filter says to clone3()",
      { ...CLONE, errno: "ENOSYS" },
      { files: { "/proc/self/status": "Seccomp:\t2\n" } },
      "a seccomp filter around this process",
    ],
    [
      "a sandbox that allows no filters",
      { step: "seccomp", what: "install the seccomp filter", errno: "EPERM" },
      { files: { "/proc/self/status": "Seccomp:\t2\n" } },
      "forbids containers filters of their own; --security-opt seccomp=unconfined",
    ],
    [
      "a kernel without filters",
      { step: "seccomp", what: "install the seccomp filter", errno: "ENOSYS" },
      { files: { "/proc/self/status": "NoNewPrivs:\t0\n" } },
      "this kernel was built without seccomp; --security-opt seccomp=unconfined",
    ],
    [
      "a filter that was lost",
      { step: "seccomp", what: "read seccomp filter /d/x.bpf: cut short", errno: "EBADMSG" },
      {},
      "starting the container once more makes it anew",
    ],
    [
      "helpers without effect",
      { what: "newuidmap: exit status 1", errno: "EPERM" },
      { files: { "/proc/self/status": "NoNewPrivs:\t1\n" } },
      "no_new_privs",
    ],
    [
      "an outer namespace that is too small",
      { what: "newuidmap: exit status 1", errno: "EPERM" },
      { files: { "/proc/self/uid_map": "  0  1500  1\n" } },
      "within the ids it has (0 1500 1)",
    ],
    ["helpers that are missing", { what: "newuidmap", errno: "ENOENT" }, {}, "install newuidmap"],
    [
      "a masked /proc",
      { step: "mount", what: "mount proc on /proc: ", errno: "EPERM" },
      { files: { "/proc/self/mountinfo": MASKED } },
      "hides parts of /proc or /sys (/proc/keys)",
    ],
    ["overlay on overlay", { ...OVERLAY, errno: "EINVAL" }, { filesystem: "overlayfs" }, "overlay"],
    ["overlay on NFS", { ...OVERLAY, errno: "EINVAL" }, { filesystem: "nfs" }, "/d is on nfs"],
    ["a kernel without overlay", { ...OVERLAY, errno: "ENODEV" }, {}, "modprobe overlay"],
    [
      "a directory of the machine that overlay refuses",
      { step: "overlay-in", what: "/srv: mount overlay of 1 directories", errno: "EINVAL" },
      { filesystem: "exfat" },
      "/srv is on exfat",
    ],
    [
      "no /dev/fuse",
      { what: "mount fuse-overlayfs: x", errno: "EIO" },
      { fuse: false },
      "/dev/fuse",
    ],
    ["SELinux", { what: "bind /a on /b", errno: "EACCES" }, { files: SELINUX }, "SELinux"],
    [
      "a user who is not mapped",
      { step: "user", what: "become user 33", errno: "EINVAL" },
      {},
      "subordinate ids",
    ],
  ])("names %s", (_, symptom, given, hint) => {
    expect(hintFor(symptom, host(given))).toContain(hint);
  });

  it.each([
    ["a failure without an errno", { what: "it ended" }],
    ["a missing command", { step: "exec", what: "exec /no/such", errno: "ENOENT" }],
    ["a refusal that this host does not explain", { ...CLONE, errno: "EPERM" }],
    ["a proc that nobody masks", { step: "mount", what: "mount proc on /proc", errno: "EPERM" }],
    ["an overlay on a good disk", { ...OVERLAY, errno: "EINVAL" }],
  ])("says nothing of %s", (_, symptom) => {
    expect(hintFor(symptom, host())).toBeUndefined();
  });
});
