/** What a bundle asks for beyond an ordinary user's rights, and why it is refused: symptom → one sentence. */

export interface BundleHint {
  readonly errno: RegExp;
  /** Against the step and the text of the failure, `step: what`. */
  readonly where: RegExp;
  readonly hint: string;
}

export const BUNDLE_HINTS: readonly BundleHint[] = [
  {
    errno: /^E(?:PERM|ACCES)$/,
    where: /^scheduler: /,
    hint: "what puts a process before others takes CAP_SYS_NICE on the machine itself: leave it out of process.scheduler and ioPriority",
  },
  {
    errno: /^(?:ENOENT|ECONNREFUSED)$/,
    where: /^seccomp-listener: /,
    hint: "somebody has to listen at linux.seccomp.listenerPath before the container is created",
  },
  {
    errno: /^(?:ENOENT|ECONNREFUSED)$/,
    where: /^console-socket: /,
    hint: "somebody has to listen at the console socket before the container is created, and take its terminal",
  },
  {
    errno: /^ETIMEDOUT$/,
    where: /^hook: /,
    hint: "config.json gives the hook a `timeout` in seconds: raise it, or leave it out",
  },
  {
    errno: /^(?:ENOENT|EACCES|ENOEXEC)$/,
    where: /^hook: execute /,
    hint: "createContainer looks its path up on this machine, startContainer in the container; a script needs an interpreter that is there",
  },
  {
    errno: /^EINVAL$/,
    where: /^pivot: pivot_root/,
    hint: "the root of an initramfs cannot be left: `noPivot` (--no-pivot) moves the new root over it",
  },
  {
    errno: /^E(?:NOENT|NODEV|ACCES)$/,
    where: /^node: bind /,
    hint: "only root of the machine makes device nodes; for others its own is bound, which has to be at the same path, of the same numbers",
  },
  {
    errno: /^EPERM$/,
    where: /^bind: .*set the options of the mount/,
    hint: "what a mount of the machine has may not be taken away in a user namespace: leave out rrw, rsuid, rdev, rexec and words about access times",
  },
  {
    errno: /^E/,
    where: /^label: /,
    hint: "the machine's AppArmor or SELinux knows no such label, or does not let the caller change to it",
  },
  {
    errno: /^ENODEV$/,
    where: /^mount: mount /,
    hint: "the kernel has no such file system, or its module is not loaded: /proc/filesystems lists what there is",
  },
];
