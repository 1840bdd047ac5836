/** The kernel's files that a container does not see, and those it may only read. */

/** `unconfined` hides nothing and leaves writable what root inside may write. */
export type SystemPathsOption = "default" | "unconfined" | SystemPathsChange;

export interface SystemPathsChange {
  /** Absolute paths to be hidden beside the usual ones. */
  readonly mask?: readonly string[];
  /** Of the usual ones: paths or shell patterns (`/proc/*`), or `ALL`. */
  readonly unmask?: readonly string[];
}

export interface SystemPaths {
  readonly masked: readonly string[];
  readonly readOnly: readonly string[];
}

/** moby, daemon/pkg/oci/defaults.go; what is missing on a machine is left out when it starts. */
const MASKED = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];
const READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** `further` are paths of this machine that are masked as well. */
export function systemPaths(
  option: SystemPathsOption,
  further: readonly string[] = [],
): SystemPaths {
  const { mask = [], unmask = [] } = changeOf(option);
  const isLeft = (path: string) => !unmask.some((pattern) => matchesPath(pattern, path));
  return {
    masked: [...new Set([...[...MASKED, ...further].filter(isLeft), ...mask])],
    readOnly: READONLY.filter(isLeft),
  };
}

function changeOf(option: SystemPathsOption): SystemPathsChange {
  if (option === "default") return {};
  return option === "unconfined" ? { unmask: ["ALL"] } : option;
}

/** As Podman: Go's filepath.Match, in which no star goes past a slash. */
export function matchesPath(pattern: string, path: string): boolean {
  return pattern.toUpperCase() === "ALL" || patternOf(pattern).test(path);
}

function patternOf(pattern: string): RegExp {
  const source = pattern.replaceAll(/\*|\?|\[\^?[^\]]+\]|[^*?[]|\[/g, (part) => {
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    if (part.length > 1) return part.replaceAll("\\", "\\\\");
    return part.replace(/[.*+?^${}()|[\]\\]/, "\\$&");
  });
  return new RegExp(`^${source}$`);
}
