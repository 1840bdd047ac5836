/** What keeps a container in: its capabilities, its system calls, the kernel's files it sees. */
import type { Seccomp } from "../oci/runtime-spec.ts";
import {
  ALL,
  containerCapabilities,
  parseCapability,
  type CapabilityName,
} from "./capabilities.ts";
import type { SeccompProfile } from "./seccomp/profile.ts";
import { defaultSeccomp, resolveHere } from "./seccomp/resolve.ts";
import { type SystemPathsOption, systemPaths } from "./system-paths.ts";

/** All of these may be left out. */
export interface SecurityOptions {
  /**
   * All that the container's user namespace gives: every capability, no seccomp filter, nothing of
   * /proc and /sys hidden or read-only, and the devices that the caller may open. It still cannot
   * do what the caller cannot. The options below count beside it.
   */
  readonly privileged?: boolean;
  /**
   * Capabilities beside Docker's fourteen, with or without `CAP_`; or `ALL`. For a user who is not
   * root these are the ones it has.
   */
  readonly capAdd?: readonly string[];
  /** Capabilities not to have; or `ALL`. What is added is there though it is dropped too. */
  readonly capDrop?: readonly string[];
  /**
   * Which system calls it may make: `default` is what Docker's default profile allows; else a
   * profile in Docker's JSON format, or the path of one, relative to the current directory of this
   * process. Default: `default`, or `unconfined` when privileged.
   */
  readonly seccomp?: SeccompOption;
  /** No program gives its user rights that it had not: neither setuid bits nor file capabilities. */
  readonly noNewPrivileges?: boolean;
  /** Default: `default`, or `unconfined` when privileged. */
  readonly systemPaths?: SystemPathsOption;
  /** Options of the mount at /proc: `hidepid=2`, `gid=5` (proc(5)). */
  readonly procOptions?: readonly string[];
}

/** A string that is no word is a path. */
export type SeccompOption = "default" | "unconfined" | (string & {}) | SeccompProfile;

/** As asked for, but for a profile in a file, which is read. */
export interface SecurityRequest extends Omit<SecurityOptions, "seccomp"> {
  readonly seccomp?: "default" | "unconfined" | SeccompProfile | undefined;
}

/** What a machine has to do with it. */
export interface SecurityPlace {
  /** Its paths that are hidden beside the usual ones. */
  readonly masked?: readonly string[];
  /** Which of /sys and /sys/fs/cgroup is read-only here: so it is inside. */
  readonly readOnly?: readonly string[];
  /** Device nodes that a privileged container gets. */
  readonly devices?: readonly string[];
}

export interface Security {
  readonly capabilities: readonly CapabilityName[];
  /** For a user who is not root: what was added, as Podman has it. */
  readonly ambient: readonly CapabilityName[];
  /** Absent: it may make every call. */
  readonly seccomp?: Seccomp | undefined;
  readonly noNewPrivileges: boolean;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  /** Mounts of the kernel's that may be written. */
  readonly writable: readonly string[];
  readonly procOptions: readonly string[];
  /** Nodes of this machine, beside the usual ones. */
  readonly devices: readonly string[];
}

/** Throws `UNSUPPORTED` for a capability that this kernel lacks. */
export function resolveSecurity(request: SecurityRequest, place: SecurityPlace = {}): Security {
  const { privileged = false, capAdd = [], capDrop = [], noNewPrivileges = false } = request;
  const loose = privileged ? "unconfined" : "default";
  const { seccomp = loose, systemPaths: option = loose, procOptions = [] } = request;
  const capabilities = containerCapabilities({
    add: privileged && !dropsAll(capDrop) ? [ALL] : capAdd,
    drop: capDrop,
  });
  const { masked, readOnly } = systemPaths(option, place.masked);
  return {
    capabilities,
    ambient: ambientOf(request, capabilities),
    seccomp: seccompOf(seccomp, capabilities),
    noNewPrivileges,
    maskedPaths: masked,
    readonlyPaths: readOnly,
    writable: ["/sys", "/sys/fs/cgroup"].filter((path) => {
      return privileged && place.readOnly?.includes(path) !== true;
    }),
    procOptions,
    devices: privileged ? (place.devices ?? []) : [],
  };
}

function dropsAll(names: readonly string[]): boolean {
  return names.some((name) => parseCapability(name) === ALL);
}

/** Of a user who is not root: asked for by name, where the default set is not. */
export function ambientOf(
  { capAdd = [], capDrop = [] }: Pick<SecurityRequest, "capAdd" | "capDrop">,
  capabilities: readonly CapabilityName[],
): readonly CapabilityName[] {
  if (capAdd.length === 0) return [];
  const asked = containerCapabilities({ add: capAdd, drop: [ALL, ...capDrop] });
  return asked.filter((name) => capabilities.includes(name));
}

function seccompOf(
  seccomp: "default" | "unconfined" | SeccompProfile,
  capabilities: readonly string[],
): Seccomp | undefined {
  if (seccomp === "unconfined") return undefined;
  return seccomp === "default" ? defaultSeccomp(capabilities) : resolveHere(seccomp, capabilities);
}
