/** Which file system a path is on, by the kernel's own name for it. */
import { statfsSync } from "node:fs";

/** linux/magic.h and the file systems' own headers. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0x794c7630, "overlayfs"],
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x2fc12fc1, "zfs"],
  [0xf2f52010, "f2fs"],
  [0xca451a4e, "bcachefs"],
  [0x6969, "nfs"],
  [0xfe534d42, "smb"],
  [0xff534d42, "cifs"],
  [0xf15f, "ecryptfs"],
  [0x65735546, "fuse"],
  [0x4d44, "msdos"],
  [0x2011bab0, "exfat"],
  [0x7366746e, "ntfs3"],
  [0x01021997, "9p"],
  [0x6a656a63, "virtiofs"],
  [0x00c36400, "ceph"],
  [0x0bd00bd0, "lustre"],
  [0x63677270, "cgroup2"],
]);

/** "ext4", or the number in hexadecimal; `undefined` where the path cannot be asked. */
export function filesystemType(path: string): string | undefined {
  try {
    const type = statfsSync(path).type >>> 0;
    return NAMES.get(type) ?? `0x${type.toString(16)}`;
  } catch {
    return undefined;
  }
}

/** Whether limits and views of processes on this machine are one cgroup v2 tree. */
export function hasCgroup2(): boolean {
  return filesystemType("/sys/fs/cgroup") === "cgroup2";
}
