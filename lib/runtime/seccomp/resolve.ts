/** A profile, and what it depends on of a container and a machine → linux.seccomp of config.json. */
import { release } from "node:os";
import type { Seccomp, SeccompRule } from "../../oci/runtime-spec.ts";
import { DEFAULT_PROFILE } from "./default-profile.ts";
import type { ProfileRule, RuleCondition, SeccompProfile } from "./profile.ts";

export interface SeccompPlace {
  /** Of the container, its bounding set: `CAP_CHOWN`. */
  readonly capabilities: readonly string[];
  /** As Node names it: `x64`. */
  readonly arch: string;
  /** As uname has it: `6.1.0-18-amd64`. */
  readonly kernel: string;
}

/** Names of the machines marmita runs on: Docker's, and libseccomp's of the same. */
const MACHINES: Readonly<Record<string, { readonly docker: string; readonly seccomp: string }>> = {
  x64: { docker: "amd64", seccomp: "SCMP_ARCH_X86_64" },
  arm64: { docker: "arm64", seccomp: "SCMP_ARCH_AARCH64" },
};

/** All conditions decided, as Docker does when it writes the config.json. */
export function resolveProfile(profile: SeccompProfile, place: SeccompPlace): Seccomp {
  const { defaultAction, defaultErrnoRet, flags, syscalls = [] } = profile;
  const architectures = architecturesOf(profile, place);
  return {
    defaultAction,
    ...(defaultErrnoRet !== undefined && { defaultErrnoRet }),
    ...(architectures.length > 0 && { architectures }),
    ...(flags !== undefined && { flags }),
    syscalls: syscalls.filter((rule) => counts(rule, place)).map(ruleOf),
  };
}

function architecturesOf(profile: SeccompProfile, { arch }: SeccompPlace): readonly string[] {
  const { architectures = [], archMap = [] } = profile;
  const own = MACHINES[arch]?.seccomp;
  const row = archMap.find(({ architecture }) => architecture === own);
  return row === undefined ? architectures : [row.architecture, ...(row.subArchitectures ?? [])];
}

function ruleOf({ names, action, errnoRet, args = [] }: ProfileRule): SeccompRule {
  return {
    names,
    action,
    ...(errnoRet !== undefined && { errnoRet }),
    ...(args.length > 0 && { args }),
  };
}

function counts({ includes, excludes }: ProfileRule, place: SeccompPlace): boolean {
  const isExcluded = excludes !== undefined && conditions(excludes, place).some(Boolean);
  return !isExcluded && (includes === undefined || conditions(includes, place).every(Boolean));
}

/** Each as moby has it: any of the architectures; of capabilities each is a condition. */
function conditions(condition: RuleCondition, place: SeccompPlace): readonly boolean[] {
  const { caps = [], arches = [], minKernel } = condition;
  const machine = MACHINES[place.arch]?.docker ?? place.arch;
  return [
    ...caps.map((capability) => place.capabilities.includes(capability)),
    ...(arches.length > 0 ? [arches.includes(machine)] : []),
    ...(minKernel === undefined ? [] : [isAtLeast(place.kernel, minKernel)]),
  ];
}

function isAtLeast(kernel: string, least: string): boolean {
  const [major = 0, minor = 0] = version(kernel);
  const [wantedMajor = 0, wantedMinor = 0] = version(least);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function version(text: string): readonly number[] {
  return text.split(/[.-]/, 2).map((part) => Number.parseInt(part, 10) || 0);
}

const defaults = new Map<string, Seccomp>();

/** Docker's default on this machine: the same object for the same capabilities. */
export function defaultSeccomp(capabilities: readonly string[]): Seccomp {
  const key = capabilities.toSorted().join();
  const known = defaults.get(key);
  if (known !== undefined) return known;
  const resolved = resolveHere(DEFAULT_PROFILE, capabilities);
  defaults.set(key, resolved);
  return resolved;
}

/** For a container of this machine. */
export function resolveHere(profile: SeccompProfile, capabilities: readonly string[]): Seccomp {
  return resolveProfile(profile, { capabilities, arch: process.arch, kernel: release() });
}
