import { describe, expect, it } from "vitest";
import { DEFAULT_CAPABILITIES } from "../../../../lib/runtime/capabilities.ts";
import { DEFAULT_PROFILE } from "../../../../lib/runtime/seccomp/default-profile.ts";
import type { RuleCondition } from "../../../../lib/runtime/seccomp/profile.ts";
import { type SeccompPlace, resolveProfile } from "../../../../lib/runtime/seccomp/resolve.ts";

const place: SeccompPlace = {
  capabilities: DEFAULT_CAPABILITIES,
  arch: "x64",
  kernel: "6.1.0-18-amd64",
};

const isThere = (conditions: { includes?: RuleCondition; excludes?: RuleCondition }) => {
  const rule = { names: ["read"], action: "SCMP_ACT_ALLOW", ...conditions };
  const profile = { defaultAction: "SCMP_ACT_ERRNO", syscalls: [rule] };
  return resolveProfile(profile, place).syscalls?.length === 1;
};

describe("a rule with conditions", () => {
  it.each([
    ["a capability it has", { includes: { caps: ["CAP_CHOWN"] } }, true],
    ["one it has not", { includes: { caps: ["CAP_SYS_ADMIN"] } }, false],
    ["one of two", { includes: { caps: ["CAP_CHOWN", "CAP_SYS_ADMIN"] } }, false],
    ["without one it has", { excludes: { caps: ["CAP_SYS_ADMIN", "CAP_CHOWN"] } }, false],
    ["without one it has not", { excludes: { caps: ["CAP_SYS_ADMIN"] } }, true],
    ["this machine", { includes: { arches: ["arm64", "amd64"] } }, true],
    ["another machine", { includes: { arches: ["s390x"] } }, false],
    ["not this machine", { excludes: { arches: ["amd64"] } }, false],
    ["an older kernel at least", { includes: { minKernel: "5.15" } }, true],
    ["this kernel at least", { includes: { minKernel: "6.1" } }, true],
    ["a newer kernel at least", { includes: { minKernel: "6.2" } }, false],
    ["kernels before this one", { excludes: { minKernel: "6.1" } }, false],
    ["kernels before a newer one", { excludes: { minKernel: "10.0" } }, true],
    ["no condition at all", { includes: {}, excludes: {} }, true],
  ])("for %s", (_what, conditions, expected) => {
    expect(isThere(conditions)).toBe(expected);
  });
});

describe("the default profile, resolved", () => {
  const names = (given: Partial<SeccompPlace> = {}) => {
    const { syscalls = [] } = resolveProfile(DEFAULT_PROFILE, { ...place, ...given });
    return new Set(syscalls.flatMap((rule) => (rule.args === undefined ? rule.names : [])));
  };

  it("leaves out what makes namespaces and mounts", () => {
    const allowed = names();

    for (const name of ["unshare", "setns", "mount", "fsopen", "clone", "keyctl", "bpf"]) {
      expect(allowed).not.toContain(name);
    }
    expect(allowed).toContain("chroot");
  });

  it("allows what comes with a capability", () => {
    const allowed = names({ capabilities: ["CAP_SYS_ADMIN", "CAP_SYS_TIME"] });

    for (const name of ["unshare", "mount", "clone", "clone3", "clock_settime"]) {
      expect(allowed).toContain(name);
    }
    expect(allowed).not.toContain("chroot");
  });

  it("is for the programs that a machine runs", () => {
    expect(resolveProfile(DEFAULT_PROFILE, place).architectures).toEqual([
      "SCMP_ARCH_X86_64",
      "SCMP_ARCH_X86",
      "SCMP_ARCH_X32",
    ]);
    expect(resolveProfile(DEFAULT_PROFILE, { ...place, arch: "arm64" }).architectures).toEqual([
      "SCMP_ARCH_AARCH64",
      "SCMP_ARCH_ARM",
    ]);
    expect(names({ arch: "arm64" })).toContain("cacheflush");
    expect(names({ arch: "arm64" })).not.toContain("arch_prctl");
  });
});
