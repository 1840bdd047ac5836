/** Rows of what is masked and what is read-only in /proc and /sys. */
import { type Answer, type Loosening, type Row, type Section, addCapability } from "./row.ts";

interface Masked {
  readonly path: string;
  readonly keepsOut: string;
  /** What is answered without the mask. */
  readonly otherwise: Answer;
}

/** Some are for the machine's root only, who is nobody in an ordinary user's container. */
const SHOWN = ["bytes", "EACCES", "EPERM", "EIO"];

const MASKED: readonly Masked[] = [
  { path: "/proc/acpi", keepsOut: "power and thermal state", otherwise: SHOWN },
  { path: "/proc/asound", keepsOut: "sound cards", otherwise: SHOWN },
  {
    path: "/proc/interrupts",
    keepsOut: "counters that tell what neighbours do (keys typed)",
    otherwise: SHOWN,
  },
  { path: "/proc/kcore", keepsOut: "the machine's memory", otherwise: SHOWN },
  { path: "/proc/keys", keepsOut: "names of the machine's keys", otherwise: [...SHOWN, "empty"] },
  { path: "/proc/latency_stats", keepsOut: "where the machine's programs wait", otherwise: SHOWN },
  { path: "/proc/sched_debug", keepsOut: "every process of the machine", otherwise: SHOWN },
  { path: "/proc/scsi", keepsOut: "disks: they can be removed here", otherwise: SHOWN },
  { path: "/proc/timer_list", keepsOut: "addresses of the kernel", otherwise: SHOWN },
  { path: "/proc/timer_stats", keepsOut: "every process of the machine", otherwise: SHOWN },
  {
    path: "/sys/devices/virtual/powercap",
    keepsOut: "the processor's power use, which tells of keys (CVE-2020-8694)",
    otherwise: SHOWN,
  },
  {
    path: "/sys/firmware",
    keepsOut: "the machine's firmware tables and variables",
    otherwise: SHOWN,
  },
];

const MASKED_BY = "an empty file or directory is mounted over it, read-only";

function unmasked(path: string): Loosening {
  return { words: `\`systemPaths\`: unmask ${path}`, options: { systemPaths: { unmask: [path] } } };
}

/** Paths in /proc and /sys that show nothing. */
export const MASKED_PATHS: Section = {
  title: "masked paths",
  file: "confinement-paths.test.ts",
  rows: MASKED.map(({ path, keepsOut, otherwise }) => ({
    name: `${path} is masked`,
    keepsOut,
    by: MASKED_BY,
    tries: ["peek", path],
    answer: "empty",
    without: unmasked(path),
    otherwise,
    needs: { path },
  })),
};

/** Allowed or denied by the file's own owner and mode. */
const WRITABLE = ["ok", "EPERM", "EACCES"];

const READONLY: readonly Pick<Row, "keepsOut" | "tries" | "byDefault" | "beside" | "otherwise">[] =
  [
    {
      keepsOut: "settings of devices",
      tries: ["touch", "/proc/bus"],
      otherwise: WRITABLE,
    },
    { keepsOut: "settings of file systems", tries: ["touch", "/proc/fs"], otherwise: WRITABLE },
    {
      keepsOut: "which processor serves which device",
      tries: ["touch", "/proc/irq"],
      otherwise: WRITABLE,
    },
    {
      keepsOut: "settings of the kernel, also those of the container's own namespaces",
      tries: ["open-writing", "/proc/sys/net/ipv4/ip_forward"],
      byDefault: ["EACCES", "EROFS"],
      beside: addCapability("CAP_NET_ADMIN"),
      otherwise: "ok",
    },
    {
      keepsOut: "orders to the kernel: restart, end every process",
      tries: ["touch", "/proc/sysrq-trigger"],
      otherwise: WRITABLE,
    },
  ];

export const READONLY_PATHS: Section = {
  title: "read-only paths",
  file: "confinement-paths.test.ts",
  rows: READONLY.map((row) => {
    const path = /^\/proc\/[^/]+/.exec(row.tries[1] ?? "")?.[0] ?? "";
    return {
      ...row,
      name: `${path} is read-only`,
      by: "mounted over itself, read-only",
      answer: "EROFS",
      without: unmasked(path),
      needs: { path },
    };
  }),
};
