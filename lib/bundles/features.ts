/** What this runtime makes of a config.json, whatever the machine: runtime-spec 1.2, features.md. */
import { OCI_VERSION } from "../oci/spec-version.ts";
import { BUNDLE_MOUNT_WORDS } from "../runtime/bundle-mount-options.ts";
import { CAPABILITIES } from "../runtime/capabilities.ts";
import { versionInfo } from "../util/version-info.ts";

/** features.md and features-linux.md. Lists are complete, and sorted but for capabilities. */
export interface RuntimeFeatures {
  /** Every `ociVersion` from here to `ociVersionMax` is accepted, and later ones of version 1. */
  readonly ociVersionMin: string;
  readonly ociVersionMax: string;
  readonly hooks: readonly string[];
  /** Without what belongs to one file system: `mode=`, `size=`. */
  readonly mountOptions: readonly string[];
  readonly linux: LinuxFeatures;
  /** What the specification has no property for. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Names of annotations in a config.json that make this runtime do something. */
  readonly potentiallyUnsafeConfigAnnotations: readonly string[];
}

export interface LinuxFeatures {
  readonly namespaces: readonly string[];
  readonly capabilities: readonly string[];
  readonly cgroup: {
    readonly v1: boolean;
    readonly v2: boolean;
    readonly systemd: boolean;
    readonly systemdUser: boolean;
    readonly rdma: boolean;
  };
  readonly seccomp: {
    readonly enabled: boolean;
    readonly actions: readonly string[];
    readonly operators: readonly string[];
    readonly archs: readonly string[];
    readonly knownFlags: readonly string[];
    readonly supportedFlags: readonly string[];
  };
  readonly apparmor: { readonly enabled: boolean };
  readonly selinux: { readonly enabled: boolean };
  readonly intelRdt: { readonly enabled: boolean };
  readonly mountExtensions: { readonly idmap: { readonly enabled: boolean } };
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);
const prefixed = (prefix: string, text: string) =>
  words(text)
    .map((word) => prefix + word)
    .sort();

const HOOKS = words("prestart createRuntime createContainer startContainer poststart poststop");

const NAMESPACES = words("cgroup ipc mount network pid time user uts");

const ACTIONS = prefixed(
  "SCMP_ACT_",
  "ALLOW ERRNO KILL KILL_PROCESS KILL_THREAD LOG NOTIFY TRACE TRAP",
);

const OPERATORS = prefixed("SCMP_CMP_", "EQ GE GT LE LT MASKED_EQ NE");

const ARCHS = prefixed(
  "SCMP_ARCH_",
  `AARCH64 ARM LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PARISC PARISC64
   PPC PPC64 PPC64LE RISCV64 S390 S390X SH SHEB X32 X86 X86_64`,
);

const FLAGS = prefixed("SECCOMP_FILTER_FLAG_", "LOG SPEC_ALLOW TSYNC WAIT_KILLABLE_RECV");

/** The same on every machine: what the kernel has of it is another question. */
export function runtimeFeatures(): RuntimeFeatures {
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: OCI_VERSION,
    hooks: HOOKS,
    mountOptions: BUNDLE_MOUNT_WORDS,
    linux: {
      namespaces: NAMESPACES,
      capabilities: CAPABILITIES,
      cgroup: { v1: false, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: {
        enabled: true,
        actions: ACTIONS,
        operators: OPERATORS,
        archs: ARCHS,
        knownFlags: FLAGS,
        supportedFlags: FLAGS,
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: false },
      mountExtensions: { idmap: { enabled: true } },
    },
    annotations: { "io.marmita.version": versionInfo().version },
    potentiallyUnsafeConfigAnnotations: [],
  };
}
